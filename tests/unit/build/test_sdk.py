import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.build.conftest import commit, git
from toolchain.build import sdk as module
from toolchain.build.sdk import Sdk, find_sdk, read_sdk, tree_digest
from toolchain.errors import ConfigError
from toolchain.target import get_target


@pytest.fixture
def official(tmp_path: Path) -> Path:
    folder = tmp_path / "official"
    (folder / "target" / "nanox").mkdir(parents=True)
    (folder / "target" / "nanox" / "script.ld").write_text("")
    (folder / "Makefile.target").write_text(
        'SDK_NAME    := "ledger-secure-sdk"\nSDK_VERSION := $(shell git)\n'
    )
    (folder / "Makefile.defines").write_text("# a comment\nAPI_LEVEL := 25\n")
    return folder


def test_an_official_sdk_with_a_tag(official: Path) -> None:
    commit(official)
    git(official, "tag", "v25.13.0")
    sdk = read_sdk(official)
    assert (sdk.name, sdk.family, sdk.version, sdk.level) == ("ledger-secure-sdk", "secure", "v25.13.0", 25)
    assert sdk.identity == f"ledger-secure-sdk v25.13.0 commit {git(official, 'rev-parse', 'HEAD')}"
    assert sdk.supports(get_target("nanox"))
    assert not sdk.supports(get_target("nanosp"))
    assert not sdk.supports(get_target("nanos"))


def test_a_changed_sdk_is_not_its_commit(official: Path) -> None:
    commit(official)
    (official / "Makefile.defines").write_text("API_LEVEL := 25\nCFLAGS += -Wno-all\n")
    assert read_sdk(official).identity == f"ledger-secure-sdk tree sha256:{tree_digest(official)}"


def test_an_sdk_without_git(official: Path) -> None:
    sdk = read_sdk(official)
    assert (sdk.version, sdk.level) == ("", 25)
    assert "tree sha256:" in sdk.identity


def test_the_sdk_of_nano_s(official: Path) -> None:
    (official / "Makefile.target").write_text('SDK_NAME    := "nanos-secure-sdk"\n')
    (official / "Makefile.defines").write_text("")
    sdk = read_sdk(official)
    assert (sdk.family, sdk.level) == ("nanos", None)
    assert sdk.supports(get_target("nanos"))
    assert not sdk.supports(get_target("nanox"))


def test_the_flags_above_the_shim_are_a_part_of_it(sdk: Path) -> None:
    first = read_sdk(sdk)
    assert (first.family, first.version) == ("shim", "0.1")
    (sdk.parent / "Makefile.defines").write_text("FLAGS := -O2\n")
    assert read_sdk(sdk).identity != first.identity


@pytest.mark.parametrize("text", ["", 'SDK_NAME := "another"\n', "# SDK_NAME := sdk-shim\n"])
def test_another_folder_is_no_sdk(official: Path, text: str) -> None:
    (official / "Makefile.target").write_text(text)
    with pytest.raises(ConfigError, match="this is no SDK"):
        read_sdk(official)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        find_sdk(tmp_path / "nowhere", tmp_path / "cache")


def test_no_level(official: Path) -> None:
    (official / "Makefile.defines").write_text("")
    with pytest.raises(ConfigError, match="API_LEVEL"):
        read_sdk(official)


def test_it_is_read_once_while_nothing_changes(
    official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = find_sdk(official, tmp_path / "cache")
    reads: list[Path] = []

    def read(path: Path) -> Sdk:
        reads.append(path)
        return read_sdk(path)

    monkeypatch.setattr(module, "read_sdk", read)
    assert find_sdk(official, tmp_path / "cache") == first
    assert not reads
    (official / "target" / "nanox" / "script.ld").write_text("/* changed */")
    assert find_sdk(official, tmp_path / "cache") != first
    assert reads == [official]


def test_a_damaged_cache_is_written_again(official: Path, tmp_path: Path) -> None:
    first = find_sdk(official, tmp_path / "cache")
    (kept,) = (tmp_path / "cache").iterdir()
    kept.write_text("[")
    assert find_sdk(official, tmp_path / "cache") == first


def test_a_digest_covers_names_bytes_modes_and_links(tmp_path: Path) -> None:
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "a").write_text("x")
    seen = {tree_digest(folder)}
    (tmp_path / "empty").touch()
    changes: list[Callable[[], object]] = [
        lambda: (folder / "a").write_text("y"),
        lambda: (folder / "a").chmod(0o755),
        lambda: (folder / "a").rename(folder / "b"),
        lambda: (folder / "l").symlink_to("b"),
        lambda: (tmp_path / "empty").rename(folder / "c"),
    ]
    for change in changes:
        change()
        digest = tree_digest(folder)
        assert digest not in seen
        seen.add(digest)
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("x")
    os.utime(folder / "b")
    assert tree_digest(folder) in seen
