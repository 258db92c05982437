"""Signatures of an HSM: ours, which are checked and in their one form, beside the module's bare answers."""

import os
import secrets
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pkcs11

from bench.figures import US, Measured, NotMeasured, Result, Sample, Target, compare, interleave
from toolchain.sign.pkcs11 import create_key, open_pkcs11

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
DIGESTS = 10_000

_RAW = "bare C_Sign"
_LABEL, _PIN = "bench", "1234-5678"


def signing(folder: Path, runs: int, digests: int = DIGESTS) -> Result:
    """A batch of digests signed by SoftHSM, through the same session and module."""
    subject = f"{digests} digests, SoftHSM"
    if not MODULE.is_file():
        return NotMeasured("signing", subject, "no SoftHSM", "apt-get install softhsm2")
    uri = _token(folder)
    create_key(uri, _pin)
    batch = [secrets.token_bytes(32) for _ in range(digests)]
    with open_pkcs11(uri, _pin) as signer:
        answer = _bare()

        def bare() -> None:
            for digest in batch:
                answer(digest)

        series = interleave(
            {US: lambda: _timed(lambda: signer.sign_digests(batch)), _RAW: lambda: _timed(bare)}, runs
        )
    # 90 % of the rate is 1 / 0.9 of the time.
    figures = (compare(series, "wall", _RAW, Target(1 / 0.9)), compare(series, "cpu", _RAW))
    return Measured("signing", subject, figures, series)


def _timed(work: Callable[[], object]) -> Sample:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def _token(folder: Path) -> str:
    """What stands behind ``pkcs11:`` for a key of a new token in ``folder``."""
    tokens = folder / "tokens"
    tokens.mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(
        f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    os.environ["SOFTHSM2_CONF"] = str(configuration)
    command = ["softhsm2-util", "--init-token", "--free", "--label", _LABEL, "--so-pin", _PIN, "--pin", _PIN]
    subprocess.run(command, check=True, capture_output=True)
    return f"token={_LABEL};object=app;id=%01?module-path={MODULE}"


def _bare() -> Callable[[bytes], bytes]:
    """The same key in a session without anything of ours; the process is logged in already."""
    session = pkcs11.lib(str(MODULE)).get_token(token_label=_LABEL).open()
    key = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label="app")
    if not isinstance(key, pkcs11.SignMixin):
        raise TypeError("SoftHSM's key does not sign")
    return lambda digest: key.sign(digest, mechanism=pkcs11.Mechanism.ECDSA)


def _pin(_name: str) -> str:
    return _PIN
