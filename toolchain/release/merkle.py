"""Merkle trees as in RFC 6962, section 2.1: SHA-256, one prefix for leaves, another for nodes.

The hashes of all complete subtrees lie in one list that only grows. A leaf is followed by the subtrees that
it completes, so that the list for n leaves is a prefix of the list for n + 1.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from toolchain.errors import VerificationError

EMPTY_ROOT = hashlib.sha256(b"").digest()

HashAt = Callable[[int], bytes]
"""The hash at a position of the list."""


@dataclass(frozen=True)
class InclusionProof:
    """That a leaf stands at ``index`` of the tree with ``size`` leaves. ``hashes`` go from leaf to root."""

    index: int
    size: int
    hashes: tuple[bytes, ...]


@dataclass(frozen=True)
class ConsistencyProof:
    """That the tree with ``old_size`` leaves is the beginning of the one with ``new_size``."""

    old_size: int
    new_size: int
    hashes: tuple[bytes, ...]


def leaf_hash(entry: bytes) -> bytes:
    """Hash of a leaf (RFC 6962, section 2.1)."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node (RFC 6962, section 2.1)."""
    return hashlib.sha256(b"\1" + left + right).digest()


def list_length(size: int) -> int:
    """How many hashes the list holds for ``size`` leaves."""
    return 2 * size - size.bit_count()


def grow(size: int, leaf: bytes, hash_at: HashAt) -> Iterator[bytes]:
    """What the list gains when the leaf hash ``leaf`` joins ``size`` leaves."""
    node = leaf
    yield node
    level = 0
    while size >> level & 1:
        node = node_hash(hash_at(_position(level, (size >> level) - 1)), node)
        yield node
        level += 1


def root(size: int, hash_at: HashAt) -> bytes:
    """Root of the first ``size`` leaves."""
    return _subtree(0, size, hash_at) if size else EMPTY_ROOT


def prove_inclusion(index: int, size: int, hash_at: HashAt) -> InclusionProof:
    """The audit path PATH(index, D[size]) (RFC 6962, section 2.1.1).

    Raises:
        VerificationError: there is no such leaf in that tree.
    """
    if not 0 <= index < size:
        raise VerificationError(f"a log of {size} entries has no entry {index}")
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_subtree(middle, high, hash_at))
            high = middle
        else:
            path.append(_subtree(low, middle, hash_at))
            low = middle
    return InclusionProof(index, size, tuple(reversed(path)))


def prove_consistency(old_size: int, new_size: int, hash_at: HashAt) -> ConsistencyProof:
    """PROOF(old_size, D[new_size]) (RFC 6962, section 2.1.2).

    Raises:
        VerificationError: sizes below one, or the old one is the larger.
    """
    if not 0 < old_size <= new_size:
        raise VerificationError(f"no log grows from {old_size} to {new_size} entries")
    path: list[bytes] = []
    low, high = 0, new_size
    whole = True
    while old_size != high:
        middle = low + _split(high - low)
        if old_size <= middle:
            path.append(_subtree(middle, high, hash_at))
            high = middle
        else:
            path.append(_subtree(low, middle, hash_at))
            low = middle
            whole = False
    if not whole:
        path.append(_subtree(low, high, hash_at))
    return ConsistencyProof(old_size, new_size, tuple(reversed(path)))


def verify_inclusion(leaf: bytes, proof: InclusionProof, expected_root: bytes) -> None:
    """Whether the leaf hash stands where the proof says (RFC 9162, section 2.1.3.2).

    Raises:
        VerificationError: it does not.
    """
    index, last = proof.index, proof.size - 1
    if not 0 <= index <= last:
        raise VerificationError("the inclusion proof is about no leaf of the tree")
    node = leaf
    for sibling in proof.hashes:
        if last == 0:
            raise VerificationError("the inclusion proof is too long")
        if index & 1 or index == last:
            node = node_hash(sibling, node)
            while not index & 1 and index:
                index >>= 1
                last >>= 1
        else:
            node = node_hash(node, sibling)
        index >>= 1
        last >>= 1
    if last or node != expected_root:
        raise VerificationError("the inclusion proof does not lead to the root of the log")


def verify_consistency(proof: ConsistencyProof, old_root: bytes, new_root: bytes) -> None:
    """Whether the old tree is the beginning of the new one (RFC 9162, section 2.1.4.2).

    Raises:
        VerificationError: it is not.
    """
    old, new = proof.old_size, proof.new_size
    if not 0 < old <= new:
        raise VerificationError("the consistency proof is not about a log that grew")
    if old == new:
        if proof.hashes or old_root != new_root:
            raise VerificationError("two logs of one size differ")
        return
    path: Sequence[bytes] = proof.hashes
    if old & (old - 1) == 0:
        path = (old_root, *path)
    if not path:
        raise VerificationError("the consistency proof is too short")
    index, last = old - 1, new - 1
    while index & 1:
        index >>= 1
        last >>= 1
    old_node = new_node = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise VerificationError("the consistency proof is too long")
        if index & 1 or index == last:
            old_node = node_hash(sibling, old_node)
            new_node = node_hash(sibling, new_node)
            while not index & 1 and index:
                index >>= 1
                last >>= 1
        else:
            new_node = node_hash(new_node, sibling)
        index >>= 1
        last >>= 1
    if last or old_node != old_root or new_node != new_root:
        raise VerificationError("the log was rewritten: the old tree is not the beginning of the new one")


def _split(count: int) -> int:
    """The largest power of two below ``count``."""
    return 1 << (count - 1).bit_length() - 1


def _position(level: int, number: int) -> int:
    """Where the list holds the ``number``-th complete subtree with 2**level leaves."""
    last_leaf = ((number + 1) << level) - 1
    return list_length(last_leaf) + level


def _subtree(low: int, high: int, hash_at: HashAt) -> bytes:
    """Root over the leaves from ``low`` up to, not including, ``high``."""
    count = high - low
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return hash_at(_position(level, low >> level))
    middle = low + _split(count)
    return node_hash(_subtree(low, middle, hash_at), _subtree(middle, high, hash_at))
