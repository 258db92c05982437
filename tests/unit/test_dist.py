"""Artefacts are whole or not there."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from toolchain import dist
from toolchain.errors import ConfigError, ToolchainError


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "app.hex"
    dist.write(path, "text")
    assert dist.read(path) == b"text"
    dist.write(path, b"other")
    assert dist.read(path) == b"other"
    assert list(path.parent.iterdir()) == [path]


def test_artefacts_are_for_everybody_to_read(tmp_path: Path) -> None:
    previous = os.umask(0o077)
    try:
        dist.write(tmp_path / "app.elf", b"")
    finally:
        os.umask(previous)
    assert (tmp_path / "app.elf").stat().st_mode & 0o777 == 0o644


def test_a_full_disk_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "app.elf"
    dist.write(path, b"old")
    script = (
        "import sys; from pathlib import Path; from toolchain import dist, errors\n"
        "try: dist.write(Path(sys.argv[1]), bytes(1 << 20))\n"
        "except errors.ToolchainError as e: sys.exit(f'refused: {e}')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, path],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )
    assert done.stderr.startswith(f"refused: {path}: cannot write: ")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "dist").write_text("")
    with pytest.raises(ToolchainError, match="cannot write") as caught:
        dist.write(tmp_path / "dist" / "app.elf", b"")
    assert caught.value.hint


def test_reading_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(bytes(11))
    assert len(dist.read(path, limit=11)) == 11
    with pytest.raises(ConfigError, match="larger than 10"):
        dist.read(path, limit=10)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file") as caught:
        dist.read(tmp_path / "app.elf")
    assert caught.value.where == str(tmp_path / "app.elf")


def test_sums_are_what_sha256sum_checks(tmp_path: Path) -> None:
    files = {"b": b"2", "a": b"1"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    dist.write(tmp_path / dist.SUMS, dist.sha256_sums(files))
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", dist.SUMS], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.stdout == b"a: OK\nb: OK\n"
