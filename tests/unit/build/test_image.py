"""The builder image: what its definition and its lock say, without an engine."""

import io
import shutil
import tarfile
from pathlib import Path

import pytest

from toolchain.build import image
from toolchain.build.engine import Engine, ImageFacts
from toolchain.build.image import Locked
from toolchain.errors import BuildError, ConfigError

ENGINE = Engine("unix:///nothing", "amd64", rootless=False)
LOCKED = Locked("sha256:11", {"make": "4.3-4.1", "git": "1:2.39.5"})


def packed(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.uname = len(content), 1234567890, "somebody"
            archive.addfile(member, io.BytesIO(content))
    return path


def test_the_layer_has_nothing_of_the_machine_or_the_moment(tmp_path: Path) -> None:
    status = (
        b"Package: make\nStatus: install ok installed\nVersion: 4.3-4.1\n\n"
        b"Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n"
    )
    files = {
        "./etc/hostname": b"here",
        "./etc/apt/sources.list": b"deb a-mirror",
        "./var/log/dpkg.log": b"today",
        "./usr/lib/python3/__pycache__/x.pyc": b"",
        "./usr/bin/make": b"make",
        "./var/lib/dpkg/status": status,
    }
    wheels = tmp_path / "wheels"
    (wheels / "usr/local/lib").mkdir(parents=True)
    (wheels / "usr/local/lib/module.py").write_text("")
    (wheels / "usr/local/lib/module.py").chmod(0o600)
    layer = tmp_path / "layer.tar"
    found = image._write_layer(packed(tmp_path / "root.tar", files), wheels, layer)
    assert found == {"make": "4.3-4.1"}
    with tarfile.open(layer) as archive:
        members = archive.getmembers()
    assert [m.name for m in members if m.isreg()] == [
        "usr/bin/make",
        "var/lib/dpkg/status",
        "usr/local/lib/module.py",
    ]
    assert {m.mtime for m in members} == {1700000000}
    assert {(m.uname, m.gname) for m in members} == {("", "")}
    assert members[-1].mode == 0o644


def test_drift_is_refused_and_named() -> None:
    image._refuse_drift(LOCKED, LOCKED)
    newer = Locked("sha256:22", {"make": "4.4-1", "git": "1:2.39.5"})
    with pytest.raises(BuildError, match=r"make is 4.4-1, not 4.3-4.1 \(and 1 more\)") as caught:
        image._refuse_drift(LOCKED, newer)
    assert "builder.update" in caught.value.hint
    with pytest.raises(BuildError, match=r"git is missing, not 1:2\.39\.5"):
        image._refuse_drift(LOCKED, Locked("sha256:11", {"make": "4.3-4.1"}))
    with pytest.raises(BuildError, match="vim is 9, not there"):
        image._refuse_drift(LOCKED, Locked("sha256:11", {**LOCKED.packages, "vim": "9"}))


def test_an_update_names_every_change_and_keeps_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "builder.lock"
    lock.write_text('[zig]\nversion = "1"\n')
    found = [LOCKED, Locked("sha256:22", {"make": "4.4-1"})]
    monkeypatch.setattr(image, "LOCK", lock)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(image, "_from_packages", lambda *_: (tmp_path, found.pop(0)))
    first = image.update("amd64", tmp_path / "work", show=lambda _: None)
    assert {change.name for change in first} == {"git", "make", "layer"}
    assert image.locked("amd64") == LOCKED
    assert image.locked("arm64") is None
    second = image.update("amd64", tmp_path / "work", show=lambda _: None)
    assert [(c.name, c.old, c.new) for c in second] == [
        ("git", "1:2.39.5", ""),
        ("make", "4.3-4.1", "4.4-1"),
        ("layer", "sha256:11", "sha256:22"),
    ]
    assert lock.read_text().startswith('[zig]\nversion = "1"\n')


def test_an_image_that_has_the_name_but_not_the_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = image.locked("amd64")
    assert lock is not None
    layers = {"engine": ("sha256:other",)}
    monkeypatch.setattr(
        Engine, "image", lambda _self, _name: ImageFacts("id", "id", layers["engine"], "amd64", {}, 1)
    )
    with pytest.raises(ConfigError, match=r"is not the one of builder\.lock"):
        image.find(ENGINE, tmp_path)
    layers["engine"] = (lock.layer,)
    found = image.find(ENGINE, tmp_path).image
    assert (found.layers, found.id) == ((lock.layer,), "id")
    # Engines name it after its configuration, or after a list that they made of it.
    assert found.identity == lock.layer


def test_what_is_asked_for_and_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="cannot start from 'scratch'"):
        image._start("scratch")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert image._start("auto") == "registry"
    with pytest.raises(ConfigError, match="mmdebstrap is not installed"):
        image._start("packages")
    with pytest.raises(ConfigError, match="holds no builder image for riscv64") as caught:
        image.find(Engine("unix:///nothing", "riscv64", rootless=False), tmp_path)
    assert "./inv builder.update --architecture riscv64" in caught.value.hint


def test_the_dockerfile_pins_every_package() -> None:
    text = image.dockerfile(LOCKED, "debian@sha256:33")
    assert text.startswith("FROM debian@sha256:33\n")
    assert "git=1:2.39.5 make=4.3-4.1" in text
    assert "SOURCE_DATE_EPOCH=1700000000" in text
    assert "deb [" not in text
    other = image.dockerfile(LOCKED, "debian@sha256:33", "http://mirror.example/debian")
    assert "deb [check-valid-until=no] http://mirror.example/debian bookworm main" in other


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base_image": "debian:bookworm-slim"}, "not an image by its digest"),
        ({"base_image": f"debian@sha256:{'1' * 64} AS x"}, "not an image by its digest"),
        ({"base_image": f"debian@sha256:{'1' * 64}", "base": "packages"}, "packages need no base image"),
    ],
)
def test_a_base_image_that_cannot_be_started_from(
    options: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        image.make(ENGINE, tmp_path, **options, show=lambda _: None)


def test_wheels_are_taken_by_hash() -> None:
    for name, lock in image._definition()["wheels"].items():
        assert "--hash=sha256:" in image._requirement(image._REQUIREMENTS / lock, name)
    with pytest.raises(ConfigError, match="nothing-like-it is not locked"):
        image._requirement(image._REQUIREMENTS / "core.lock", "nothing-like-it")
