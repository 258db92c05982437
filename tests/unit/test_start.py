"""How ``./inv`` starts Python: what is left out of invoke is not missed."""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]

CHECK = """
import sys, start
start.import_invoke()
assert not sys.modules.keys() & {"asyncio", "unittest.mock", "importlib.metadata", "invoke.vendor.yaml"}
import importlib.metadata, unittest.mock
print(importlib.metadata.version("invoke"), unittest.mock.Mock().anything())
"""


def test_what_was_left_out_can_be_imported_afterwards() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHECK], cwd=PROJECT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout[0].isdigit()


def test_settings_of_other_users_of_invoke_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / ".invoke.yaml").write_text("run:\n  echo: true\n")
    done = subprocess.run(
        [sys.executable, PROJECT / "start.py", "list", "--json"],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert '"type": "target"' in done.stdout
