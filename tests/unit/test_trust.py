from pathlib import Path

import pytest

from toolchain.errors import ConfigError
from toolchain.keys import PrivateKey
from toolchain.trust import Issuer, find_issuer, pinned_issuers, read_issuer

KEY = PrivateKey.from_int(5).public_key
OTHER = PrivateKey.from_int(6).public_key

GOOD = f'name = "Maker"\nkind = "custom"\npoint = "{KEY.point.hex()}"\nsource = "a test"\n'


def issuer_file(folder: Path, text: str | bytes) -> Path:
    path = folder / "maker.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_an_issuer_is_read(tmp_path: Path) -> None:
    assert read_issuer(issuer_file(tmp_path, GOOD)) == Issuer("Maker", KEY, "custom")


@pytest.mark.parametrize("kind", ["production", "virtual", "custom"])
def test_every_kind_is_read(tmp_path: Path, kind: str) -> None:
    assert read_issuer(issuer_file(tmp_path, GOOD.replace("custom", kind))).kind == kind


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('kind = "custom"', 'kind = "trusted"'),
        ('kind = "custom"', "kind = 1"),
        ('kind = "custom"', 'kind = ["custom"]'),
        ('kind = "custom"', ""),
        ('name = "Maker"', "name = 1"),
        ('name = "Maker"', ""),
        ('point = "04', 'point = "02'),
        ('point = "04', 'point = "0'),
        ('point = "04', 'point = "zz'),
        ('point = "', 'point = ["'),
        ("point = ", "points = "),
        (KEY.point.hex(), KEY.point.hex()[:-2] + "00"),
        (KEY.point.hex(), ""),
        (f'"{KEY.point.hex()}"', "4"),
    ],
)
def test_what_is_not_an_issuer_is_refused_with_its_file(tmp_path: Path, old: str, new: str) -> None:
    assert old in GOOD
    path = issuer_file(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        read_issuer(path)
    assert caught.value.where == str(path)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"a = " + b"[" * 10_000, b"= 1"])
def test_what_is_not_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ConfigError):
        read_issuer(issuer_file(tmp_path, content))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        read_issuer(tmp_path / "none.toml")


def test_issuers_are_found_by_key_and_by_nothing_else(tmp_path: Path) -> None:
    issuer = read_issuer(issuer_file(tmp_path, GOOD))
    assert find_issuer([issuer], KEY) == issuer
    assert find_issuer([issuer], OTHER) is None
    assert find_issuer([], KEY) is None


def test_a_folder_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    for name, key in (("b", OTHER), ("a", KEY)):
        (tmp_path / f"{name}.toml").write_text(
            GOOD.replace("Maker", name).replace(KEY.point.hex(), key.point.hex())
        )
    (tmp_path / "readme.txt").write_text("not an issuer")
    assert [i.name for i in pinned_issuers(tmp_path)] == ["a", "b"]


def test_what_ships_is_for_production_only() -> None:
    issuers = pinned_issuers()
    assert issuers
    assert {issuer.kind for issuer in issuers} == {"production"}
    assert len({issuer.key for issuer in issuers}) == len(issuers)
