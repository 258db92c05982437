"""``./inv verify`` as a person and a CI call it: reports, baseline, exit codes."""

import json
import shutil
from pathlib import Path

import pytest

from tests.system.inv import PROJECT, inv

UNSAFE = '\nvoid planted(char *out);\nvoid planted(char *out) {\n    strcpy(out, "x");\n}\n'


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample app in which a string is copied without a bound."""
    folder = tmp_path_factory.mktemp("apps") / "unsafe"
    shutil.copytree(
        PROJECT / "apps" / "boilerplate", folder, ignore=shutil.ignore_patterns("build", "__pycache__")
    )
    with (folder / "src" / "core" / "amount.c").open("a") as file:
        file.write(UNSAFE)
    return folder


def verify(app: Path, *arguments: str | Path, **environment: str) -> tuple[int, str, str]:
    run = inv(
        "verify",
        "--app",
        app,
        "--target",
        "nanosp",
        "--policy",
        "release",
        *arguments,
        environment=environment,
    )
    return run.code, run.out, run.err


def test_one_run_writes_a_report_in_every_format(app: Path, tmp_path: Path) -> None:
    files = {ending: tmp_path / f"report.{ending}" for ending in ("html", "sarif", "xml", "json")}
    arguments = [word for path in files.values() for word in ("--report", path)]
    code, out, err = verify(app, *arguments)
    assert code == 5, err
    line = len((app / "src/core/amount.c").read_text().splitlines()) - 1
    assert f"src/core/amount.c:{line}:5  strcpy has no bound" in out
    assert f'    {line} │ strcpy(out, "x");\n       │ ^\n' in out
    log = json.loads(files["sarif"].read_text())
    found = {result["ruleId"] for result in log["runs"][0]["results"]}
    assert {"src-unsafe-string", "static-analyzer-clean", "repo-clean"} <= found
    assert all("strcpy has no bound" in path.read_text() for path in files.values())
    assert all(str(app) not in path.read_text() for path in files.values())


def test_a_baseline_lets_old_findings_pass_and_no_new_one(app: Path, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    assert verify(app, "--baseline", baseline)[0] == 2
    assert verify(app, "--baseline", baseline, "--update-baseline")[0] == 0
    code, out, _ = verify(app, "--baseline", baseline)
    assert code == 0
    assert "in the baseline" in out

    worse = Path(shutil.copytree(app, tmp_path / "worse"))
    source = worse / "src" / "core" / "amount.c"
    source.write_text(
        source.read_text().replace('strcpy(out, "x");', 'strcpy(out, "x");\n    strcpy(out, "y");')
    )
    code, out, _ = verify(worse, "--baseline", baseline)
    assert code == 5
    assert "2 errors" in out

    source.write_text((PROJECT / "apps/boilerplate/src/core/amount.c").read_text())
    code, _, err = verify(worse, "--baseline", baseline)
    assert code == 0
    assert "are gone; --update-baseline" in err


def test_what_a_baseline_lets_pass_cannot_be_signed(app: Path, tmp_path: Path) -> None:
    assert verify(app, "--baseline", tmp_path / "b.json", "--update-baseline")[0] == 0
    help_ = inv("--help", "sign").out
    assert "--policy" in help_
    assert "baseline" not in help_


@pytest.mark.parametrize(
    "arguments",
    [
        ["--report", "report.pdf"],
        ["--update-baseline"],
        ["--only", "repo-clean", "--report", "a.html"],
        ["--only", "repo-clean", "--baseline", "a.json"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_refused_before_anything_is_built(app: Path, arguments: list[str]) -> None:
    code, out, err = verify(app, *arguments)
    assert (code, out) == (2, "")
    assert "error:" in err


def test_colour_is_for_those_who_want_it(app: Path) -> None:
    red = "\x1b[1;31m"
    assert red in verify(app, FORCE_COLOR="1")[1]
    assert "31m" not in verify(app, FORCE_COLOR="1", NO_COLOR="1")[1]
    assert "\x1b" not in verify(app)[1]


def test_a_waiver_goes_into_the_manifest(tmp_path: Path) -> None:
    app = Path(shutil.copytree(PROJECT / "apps" / "boilerplate", tmp_path / "waiving"))
    with (app / "src" / "core" / "amount.c").open("a") as file:
        file.write("\nstatic int planted(void)\n{\n    return 1;\n}\n")
    with (app / "ledger_app.toml").open("a") as file:
        file.write(
            '\n[[waivers]]\nrule = "build-no-warnings"\nreason = "the next release removes this"\n'
            'expires = 2999-12-31\nauthor = "A. Maintainer"\n'
        )
    dist = tmp_path / "dist"
    run = inv("sign", "--app", app, "--target", "nanosp", "--dist", dist)
    assert run.code == 0, run.err
    manifest = json.loads((dist / "waiving" / "nanosp" / "manifest.json").read_text())
    assert manifest["verification"]["waived"] == [
        "build-no-warnings: the next release removes this (until 2999-12-31)"
    ]


def test_what_was_not_built_has_no_findings_to_speak_of(tmp_path: Path) -> None:
    app = Path(shutil.copytree(PROJECT / "apps" / "boilerplate", tmp_path / "broken"))
    (app / "src" / "core" / "amount.c").write_text("#error not today\n")
    code, out, err = verify(app, "--only", "src-parsed")
    assert (code, out) == (3, "")
    assert "not today" in err
