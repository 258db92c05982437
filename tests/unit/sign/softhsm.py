"""A SoftHSM token in a folder of its own, and the module that misbehaves on request."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

SO_PIN, PIN = "12345678", "87654321"
MODULES = (
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"),
    Path("/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"),
)
FAULTY_SOURCE = Path(__file__).with_name("faulty_pkcs11.c")


def module() -> Path:
    return next(path for path in MODULES if path.is_file())


def build_faulty(folder: Path) -> Path:
    library = folder / "faulty_pkcs11.so"
    command = [sys.executable, "-m", "ziglang", "cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-shared"]
    subprocess.run([*command, "-fPIC", "-o", str(library), str(FAULTY_SOURCE)], check=True)
    return library


@dataclass(frozen=True)
class Hsm:
    """A folder of tokens. ``uri`` gives what stands behind ``pkcs11:``."""

    folder: Path
    library: Path

    def add_token(self, label: str) -> None:
        command = ["softhsm2-util", "--init-token", "--free", "--label", label]
        subprocess.run(
            [*command, "--so-pin", SO_PIN, "--pin", PIN], check=True, capture_output=True, timeout=60
        )

    def uri(self, label: str = "release", key: str = "app", *, extra: str = "") -> str:
        query = f"?module-path={quote(str(self.library))}"
        return f"token={quote(label)};object={quote(key)}{extra}{query}"


@contextmanager
def softhsm(folder: Path, library: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hsm]:
    """SoftHSM with its tokens in ``folder``; the module is unloaded at the end, since it keeps its folder."""
    import pkcs11

    tokens = folder / "tokens"
    tokens.mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(config))
    monkeypatch.setenv("FAULTY_PKCS11_REAL", str(module()))
    monkeypatch.setenv("FAULTY_PKCS11", "")
    hsm = Hsm(folder, library)
    hsm.add_token("release")
    yield hsm
    pkcs11.unload(str(library))
