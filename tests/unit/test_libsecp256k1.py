"""What libsecp256k1 computes, beside the other library; and that its wrapper lets the process end."""

import hashlib
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolchain import libsecp256k1
from toolchain.keys import ORDER, PrivateKey

SCALARS = st.integers(1, ORDER - 1)


def raw(scalar: int) -> bytes:
    return scalar.to_bytes(32, "big")


@given(SCALARS)
def test_a_multiple_of_g_is_the_public_key(scalar: int) -> None:
    assert libsecp256k1.base_multiple(raw(scalar)) == PrivateKey.from_int(scalar).public_key.point


@given(SCALARS, SCALARS)
def test_both_sides_hash_the_same_compressed_point(mine: int, theirs: int) -> None:
    shared = PrivateKey.from_int(mine * theirs % ORDER).public_key
    expected = hashlib.sha256(shared.compressed).digest()

    assert libsecp256k1.ecdh(PrivateKey.from_int(theirs).public_key.compressed, raw(mine)) == expected
    assert libsecp256k1.ecdh(PrivateKey.from_int(mine).public_key.compressed, raw(theirs)) == expected


@given(SCALARS, st.integers(1, ORDER - 1))
def test_a_tweak_adds_to_the_scalar(scalar: int, tweak: int) -> None:
    if (scalar + tweak) % ORDER:
        point = PrivateKey.from_int(scalar).public_key.compressed
        assert libsecp256k1.tweaked(point, raw(tweak)) == libsecp256k1.base_multiple(
            raw((scalar + tweak) % ORDER)
        )


def test_what_is_no_point_or_scalar_is_refused() -> None:
    point = PrivateKey.from_int(1).public_key.compressed
    calls: tuple[Callable[[], bytes], ...] = (
        lambda: libsecp256k1.ecdh(b"\2" + b"\xff" * 32, raw(1)),
        lambda: libsecp256k1.ecdh(point, raw(0)),
        lambda: libsecp256k1.ecdh(point[:32], raw(1)),
        lambda: libsecp256k1.base_multiple(raw(ORDER)),
        lambda: libsecp256k1.tweaked(point, raw(ORDER)),
    )
    for call in calls:
        with pytest.raises(ValueError, match=r"."):
            call()


def test_a_process_ends_well_where_warnings_are_errors() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import gc, toolchain.libsecp256k1; gc.collect()"],
        check=False,
        timeout=60,
    )

    assert done.returncode == 0
