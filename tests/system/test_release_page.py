"""Every command of docs/release.md, in its order, as it stands there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.inv import PROJECT
from tests.unit.sign import softhsm
from tests.unit.sign.softhsm import PIN

PAGE = (PROJECT / "docs" / "release.md").read_text("utf-8")
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
"""Its language, which commands do not have, and its lines."""

EXIT_CODE = re.compile(r"# exit code ([0-9]+)$")
PASSPHRASE = "eleven plus two words"


def commands() -> list[str]:
    blocks = [lines for language, lines in BLOCK.findall(PAGE) if not language]
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


def said(command: str) -> str:
    """What a person types meanwhile."""
    consent = "y\n" if command.startswith("./inv approve") and "--yes" not in command else ""
    return consent + f"{PASSPHRASE}\n" * 2


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the release engineer works: the toolchain's programs, and an app in a repository of its own."""
    work = tmp_path / "work"
    work.mkdir()
    for name in ("inv", "verify_bundle.py", "verify_bundle.sh"):
        (work / name).symlink_to(PROJECT / name)
    (work / "bob.pass").write_text("a passphrase of his own\n")
    app = tmp_path / "notary"
    shutil.copytree(PROJECT / "apps" / "notary", app, ignore=shutil.ignore_patterns("build", "bin"))
    (app / "tests" / "functional" / "conftest.py").touch()
    identity = {
        f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "source"]):
        subprocess.run(["git", *arguments], cwd=app, check=True, env=os.environ | identity)
    return work


@pytest.mark.component("softhsm")
@pytest.mark.component("openssl")
@pytest.mark.component("jq")
def test_the_page_is_walked_from_its_first_command_to_its_last(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with softhsm.softhsm(tmp_path, softhsm.module(), monkeypatch) as hsm:
        pin = tmp_path / "pin"
        pin.write_text(PIN)
        pin.chmod(0o600)
        environment = os.environ | {
            "APP": str(place.parent / "notary"),
            "NAME": "Notary",
            "BUNDLE": "notary.bundle",
            "HSM": f"pkcs11:{hsm.uri(extra=';id=%01')}&pin-source=file:{pin}",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        for command in commands():
            expected = EXIT_CODE.search(command)
            run = subprocess.run(
                ["sh", "-euc", command],
                cwd=place,
                env=environment,
                input=said(command),
                capture_output=True,
                text=True,
                check=False,
                timeout=600,
            )
            assert run.returncode == int(expected[1] if expected else 0), (command, run.stdout, run.stderr)
            assert PASSPHRASE not in run.stdout + run.stderr
            assert PIN not in run.stdout + run.stderr
    assert run.stdout.count("confirmed") == 3, "the last command loads every target"


def test_the_page_has_the_commands_that_matter() -> None:
    named = {match for command in commands() for match in re.findall(r"^\./inv ([a-z.]+)", command)}
    assert named >= {
        "issuer.new", "issuer.record", "policy.new", "attest", "bundle.draft", "bundle.show", "approve",
        "sign.attach", "bundle.merge", "log.append", "log.witness", "log.prove", "bundle.sign",
        "bundle.verify", "load", "release",
    }  # fmt: skip
    others = {command.split()[0] for command in commands()} - {"./inv"}
    assert others == {"openssl", "mkdir", "cp", "cat", "python3", "sh"}
