"""What libsecp256k1 computes for us, in plain bytes; everything else is ``cryptography`` (docs/adr/0002).

Points go in compressed (33 bytes) and come out uncompressed (65 bytes); scalars, digests and hashes have
32 bytes. What libsecp256k1 refuses is a ``ValueError``.
"""

import atexit
import contextlib
import ctypes
import functools
import gc
import sys
from collections.abc import Callable, Iterator

import wallycore

# While the interpreter ends, SWIG makes one more type in order to destroy its table of types. Python warns
# about that, and where warnings are errors (pytest, -W error), SWIG goes on without the type and crashes. So
# the table stays: it is held by a cycle, and nothing collects one that is frozen.
_KEPT: list[object] = [
    dict(vars(sys.modules[name])) for name in sys.modules if name.startswith("swig_runtime")
]
_KEPT.append(_KEPT)
atexit.register(gc.freeze)


def ecdh(theirs: bytes, mine: bytes) -> bytes:
    """SHA-256 of the compressed shared point, from their point and my scalar."""
    with _refusals():
        return bytes(wallycore.ecdh(theirs, mine))


def base_multiple(scalar: bytes) -> bytes:
    """The point ``scalar`` times G."""
    with _refusals():
        return bytes(wallycore.ec_public_key_decompress(wallycore.ec_public_key_from_private_key(scalar)))


def tweaked(point: bytes, tweak: bytes) -> bytes:
    """The point plus ``tweak`` times G."""
    with _refusals():
        return bytes(wallycore.ec_public_key_decompress(wallycore.ec_public_key_tweak(point, tweak)))


def verifies(point: bytes, digest: bytes, signature: bytes) -> bool:
    """Whether the signature ``r || s`` with a low S is valid over the digest: ten times OpenSSL's speed.

    Other threads run meanwhile, which they do not while wallycore's own function checks.
    """
    sizes = (len(point), len(digest), len(signature)) == (33, 32, 64)
    return sizes and _verify()(point, 33, digest, 32, wallycore.EC_FLAG_ECDSA, signature, 64) == 0


@functools.cache
def _verify() -> Callable[[bytes, int, bytes, int, int, bytes, int], int]:
    """``wally_ec_sig_verify`` of libwally's interface in C: 0 if the signature is good."""
    import _wallycore

    function = ctypes.CDLL(_wallycore.__file__).wally_ec_sig_verify
    data, size = ctypes.c_char_p, ctypes.c_size_t
    function.argtypes = [data, size, data, size, ctypes.c_uint32, data, size]
    function.restype = ctypes.c_int
    verify: Callable[[bytes, int, bytes, int, int, bytes, int], int] = function
    return verify


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except RuntimeError as e:  # sizes are ValueErrors already
        raise ValueError("not a point, scalar or signature") from e
