"""Canary secrets: nothing that this stage raises, logs or shows repeats them."""

import logging
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from toolchain.errors import ToolchainError
from toolchain.keys import PrivateKey
from toolchain.sign import open_signer
from toolchain.sign.issuer import development_issuer, new_issuer, record_issuer, virtual_device_issuer
from toolchain.sign.record import record_path

PASSPHRASE = "canary-passphrase-7f3a"
SECRET = 0x00CA_7A12_DEAD_BEEF_5EC2_E75E_C2E7_5EC2_E700_CA7A_12DE_ADBE_EF5E_C2E7_5EC2_E75E
CANARIES = (
    PASSPHRASE,
    PASSPHRASE.encode().hex(),
    f"{SECRET:064x}",
    f"{SECRET:x}",
    str(SECRET),
    f"{SECRET:064x}".upper(),
)


def ask(_name: str) -> str:
    return PASSPHRASE


def made_elsewhere(folder: Path, *, passphrase: bytes | None) -> Path:
    path = folder / "issuer.pem"
    path.write_bytes(PrivateKey.from_int(SECRET).pem(passphrase))
    path.chmod(0o600)
    return path


def good(folder: Path) -> Path:
    path = made_elsewhere(folder, passphrase=PASSPHRASE.encode())
    record_issuer(path, ask, "app-signing")
    return path


def wrong_passphrase(folder: Path) -> object:
    path = made_elsewhere(folder, passphrase=b"another passphrase")
    return record_issuer(path, ask, "app-signing")


def plain(folder: Path) -> object:
    path = good(folder)
    path.unlink()
    return open_signer(f"file:{made_elsewhere(folder, passphrase=None)}", ask)


def damaged(folder: Path) -> object:
    path = good(folder)
    data = path.read_bytes()
    path.write_bytes(data[:200] + b"!" + data[201:])
    return open_signer(f"file:{path}", ask)


def open_to_others(folder: Path) -> object:
    path = good(folder)
    path.chmod(0o644)
    return open_signer(f"file:{path}", ask)


def without_record(folder: Path) -> object:
    return open_signer(f"file:{made_elsewhere(folder, passphrase=PASSPHRASE.encode())}", ask)


def other_role(folder: Path) -> object:
    path = good(folder)
    record = record_path(path)
    record.write_text(record.read_text().replace("app-signing", "device-issuer"))
    return open_signer(f"file:{path}", ask)


def pasted_as_uri(_folder: Path) -> object:
    return open_signer(f"{SECRET:064x}", ask)


def short(folder: Path) -> object:
    return new_issuer(folder / "x.pem", PASSPHRASE[:8], "app-signing")


def signing(folder: Path) -> object:
    signer = open_signer(f"file:{good(folder)}", ask)
    return signer, signer.sign_digest(bytes(32)).hex()


def out_of_range(_folder: Path) -> object:
    return PrivateKey.from_int(SECRET << 64)


def made(folder: Path) -> object:
    return (
        new_issuer(folder / "new.pem", PASSPHRASE, "app-signing"),
        development_issuer(folder / "keys"),
        virtual_device_issuer(folder / "keys"),
        PrivateKey.from_int(SECRET),
    )


@pytest.mark.parametrize(
    "action",
    [
        wrong_passphrase,
        plain,
        damaged,
        open_to_others,
        without_record,
        other_role,
        pasted_as_uri,
        short,
        signing,
        out_of_range,
        made,
    ],
)
def test_no_canary_in_errors_logs_or_reprs(
    action: Callable[[Path], object],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    shown = []
    try:
        shown.append(repr(action(tmp_path)))
    except ToolchainError as e:
        shown += traceback.format_exception(e)
        shown += [repr(e), e.message, e.hint, e.where]
        cause: BaseException | None = e
        while cause is not None:
            shown += [repr(cause), repr(cause.args)]
            cause = cause.__cause__ or cause.__context__
    shown += [caplog.text, *capfd.readouterr()]
    text = "\n".join(shown)
    assert text
    for canary in (*CANARIES, PASSPHRASE[:8]):
        assert canary not in text, f"{action.__name__} shows a secret"
    for path in tmp_path.rglob("*.toml"):
        assert not any(canary in path.read_text() for canary in CANARIES)
