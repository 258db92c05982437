"""Every input of the corpus through its parser, without a fuzzer."""

import pytest

from fuzz.targets import CORPUS, TARGETS, pieces, run

INPUTS = sorted(path for path in CORPUS.glob("*/*") if path.is_file())


def test_every_target_has_inputs_and_the_other_way_round() -> None:
    assert {path.parent.name for path in INPUTS} == set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus(name: str) -> None:
    """Also cut short and with a byte more: errors of ours are all that may come."""
    for path in INPUTS:
        if path.parent.name == name:
            data = path.read_bytes()
            for changed in (data, data[:-1], data + b"\0"):
                run(TARGETS[name], changed)


def test_a_bug_is_not_taken_for_an_error_of_ours() -> None:
    def broken(_data: bytes) -> None:
        raise IndexError

    with pytest.raises(IndexError):
        run(broken, b"")


def test_pieces() -> None:
    assert list(pieces(b"\0\1a\0\2bc")) == [b"a", b"bc"]
    assert list(pieces(b"\0\0\0")) == [b"", b""]
    assert list(pieces(b"\xff\xffabc")) == [b"abc"]
