import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolchain.errors import VerificationError
from toolchain.release.merkle import (
    ConsistencyProof,
    InclusionProof,
    grow,
    leaf_hash,
    list_length,
    node_hash,
    prove_consistency,
    prove_inclusion,
    root,
    verify_consistency,
    verify_inclusion,
)

# Known answers of google/certificate-transparency's merkle_tree_test.cc, also in transparency-dev/merkle
# (testonly/constants.go): the leaves, and the root after each of them.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# The audit paths and consistency proofs of the same file: (leaf from 0, size): path.
PATHS = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def tree(entries: list[bytes]) -> list[bytes]:
    hashes: list[bytes] = []
    for size, entry in enumerate(entries):
        hashes.extend(grow(size, leaf_hash(entry), hashes.__getitem__))
    return hashes


def naive_root(entries: list[bytes]) -> bytes:
    """The definition itself."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return leaf_hash(entries[0])
    half = 1
    while half * 2 < len(entries):
        half *= 2
    return node_hash(naive_root(entries[:half]), naive_root(entries[half:]))


@pytest.mark.parametrize("size", range(9))
def test_known_roots(size: int) -> None:
    hashes = tree(LEAVES[:size])
    assert len(hashes) == list_length(size)
    assert root(size, hashes.__getitem__).hex() == ROOTS[size]
    assert root(size, tree(LEAVES).__getitem__).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size"), PATHS)
def test_known_paths(index: int, size: int) -> None:
    proof = prove_inclusion(index, size, tree(LEAVES).__getitem__)
    assert [h.hex() for h in proof.hashes] == PATHS[index, size]
    verify_inclusion(leaf_hash(LEAVES[index]), proof, bytes.fromhex(ROOTS[size]))


@pytest.mark.parametrize(("old", "new"), CONSISTENCY)
def test_known_consistency_proofs(old: int, new: int) -> None:
    proof = prove_consistency(old, new, tree(LEAVES).__getitem__)
    assert [h.hex() for h in proof.hashes] == CONSISTENCY[old, new]
    verify_consistency(proof, bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new]))


def test_every_proof_of_every_small_tree() -> None:
    entries = [bytes([n]) for n in range(33)]
    hash_at = tree(entries).__getitem__
    roots = [naive_root(entries[:size]) for size in range(len(entries) + 1)]
    for size in range(1, len(entries) + 1):
        assert root(size, hash_at) == roots[size]
        for index in range(size):
            verify_inclusion(leaf_hash(entries[index]), prove_inclusion(index, size, hash_at), roots[size])
            verify_consistency(prove_consistency(index + 1, size, hash_at), roots[index + 1], roots[size])


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=300, unique=True), st.data())
def test_a_proof_proves_one_thing_only(entries: list[bytes], data: st.DataObject) -> None:
    hash_at = tree(entries).__getitem__
    size = data.draw(st.integers(1, len(entries)))
    index = data.draw(st.integers(0, size - 1))
    top = naive_root(entries[:size])
    proof = prove_inclusion(index, size, hash_at)
    verify_inclusion(leaf_hash(entries[index]), proof, top)
    wrong = [
        (leaf_hash(entries[index] + b"!"), proof, top),
        (leaf_hash(entries[index]), proof, leaf_hash(top)),
        (leaf_hash(entries[index]), InclusionProof(index, size, (*proof.hashes, top)), top),
        (leaf_hash(entries[index]), InclusionProof(size, size, proof.hashes), top),
        (leaf_hash(entries[index]), InclusionProof(-1, size, proof.hashes), top),
    ]
    if proof.hashes:
        at = data.draw(st.integers(0, len(proof.hashes) - 1))
        changed = list(proof.hashes)
        changed[at] = leaf_hash(changed[at])
        wrong.append((leaf_hash(entries[index]), InclusionProof(index, size, tuple(changed)), top))
        wrong.append((leaf_hash(entries[index]), InclusionProof(index, size, proof.hashes[:-1]), top))
        wrong.append((leaf_hash(entries[index]), InclusionProof(index ^ 1, size, proof.hashes), top))
    for leaf, bad, top_ in wrong:
        with pytest.raises(VerificationError):
            verify_inclusion(leaf, bad, top_)


@given(st.lists(st.binary(max_size=8), min_size=2, max_size=300), st.data())
def test_a_rewritten_log_has_no_consistency_proof(entries: list[bytes], data: st.DataObject) -> None:
    old = data.draw(st.integers(1, len(entries) - 1))
    rewritten = data.draw(st.integers(0, old - 1))
    changed = [*entries]
    changed[rewritten] += b"!"
    old_root, new_root = naive_root(entries[:old]), naive_root(entries)
    good = prove_consistency(old, len(entries), tree(entries).__getitem__)
    verify_consistency(good, old_root, new_root)
    forged = prove_consistency(old, len(entries), tree(changed).__getitem__)
    wrong = [
        (forged, old_root, naive_root(changed)),
        (good, old_root, naive_root(changed)),
        (good, naive_root(changed[:old]), new_root),
        (ConsistencyProof(old, len(entries), (*good.hashes, old_root)), old_root, new_root),
        (ConsistencyProof(old, len(entries), good.hashes[:-1]), old_root, new_root),
        (ConsistencyProof(old, len(entries), ()), old_root, new_root),
        (ConsistencyProof(len(entries), old, good.hashes), old_root, new_root),
        (ConsistencyProof(0, len(entries), good.hashes), old_root, new_root),
        (ConsistencyProof(old, old, good.hashes), old_root, new_root),
    ]
    for proof, before, after in wrong:
        with pytest.raises(VerificationError):
            verify_consistency(proof, before, after)


@pytest.mark.parametrize(("index", "size"), [(-1, 8), (8, 8), (0, 0)])
def test_no_path_to_what_is_not_there(index: int, size: int) -> None:
    with pytest.raises(VerificationError, match="has no entry"):
        prove_inclusion(index, size, tree(LEAVES).__getitem__)


@pytest.mark.parametrize(("old", "new"), [(0, 8), (8, 7), (-1, 8)])
def test_no_consistency_of_what_did_not_grow(old: int, new: int) -> None:
    with pytest.raises(VerificationError, match="no log grows"):
        prove_consistency(old, new, tree(LEAVES).__getitem__)
