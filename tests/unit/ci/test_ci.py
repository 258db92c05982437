"""What ``ci.init`` writes: linted by others, and calling nothing that does not exist."""

import itertools
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from invoke.parser import Parser

from tests.namespace import task_copies
from tests.system.inv import PROJECT
from toolchain.app import AppManifest
from toolchain.ci import Plan, Source, render, write
from toolchain.errors import ConfigError
from toolchain.target import targets

TOOLS = Path(sys.executable).parent
HERE = Source("acme/nano-toolchain", "a" * 40)
SDK = Source("acme/sdk", "b" * 40)
CALL = re.compile(r'inv" ((?:[^\n\\]|\\\n)*)')

MANIFEST = """
[app]
build_directory = "./"
sdk = "C"
devices = ["nanos", "nanox", "nanos+", "stax"]

[unit_tests]
directory = "./unit-tests/"

[pytest.standalone]
directory = "./tests/"
"""


def app(folder: Path, *, whole: bool) -> AppManifest:
    """An app with all kinds of tests, or with none."""
    folder.mkdir()
    (folder / "ledger_app.toml").write_text(MANIFEST)
    for name in ("unit-tests/CMakeLists.txt", "fuzzing/CMakeLists.txt", "tests/conftest.py") if whole else ():
        (folder / name).parent.mkdir()
        (folder / name).touch()
    return AppManifest.read(folder)


def plan(folder: Path, *, whole: bool = True, sdk: Source | None = SDK, signs: bool = False) -> Plan:
    return Plan.of(app(folder / "app", whole=whole), targets(), HERE, sdk, "store", signs=signs)


@pytest.fixture(params=list(itertools.product([True, False], repeat=3)), ids=str)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with everything that can be written, for every kind of app."""
    whole, has_sdk, signs = request.param
    made = plan(tmp_path, whole=whole, sdk=SDK if has_sdk else None, signs=signs)
    write(made.app.directory, render(made, release=True), force=False)
    return made.app.directory


def run(folder: Path, *command: str) -> None:
    done = subprocess.run(
        [str(TOOLS / command[0]), *command[1:]],
        cwd=folder,
        env=os.environ | {"PATH": f"{TOOLS}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_linters_of_workflows_and_shells_have_nothing_to_say(written: Path) -> None:
    workflows = [str(path) for path in sorted(written.glob(".github/workflows/*.yml"))]
    scripts = [str(path) for path in (*sorted(written.glob("ci/*.sh")), written / ".githooks" / "pre-commit")]
    assert (len(workflows), len(scripts)) == (2, 3)
    run(written, "actionlint", *workflows)
    run(written, "zizmor", "--offline", "--no-progress", "--persona", "pedantic", *workflows)
    run(
        written,
        "shellcheck",
        "--enable=quote-safe-variables,check-unassigned-uppercase",
        *scripts,
    )


def test_the_linters_are_ones_that_complain(written: Path) -> None:
    workflow = written / ".github" / "workflows" / "checks.yml"
    workflow.write_text(re.sub(r"@[0-9a-f]{40}", "@v1", workflow.read_text()))
    with pytest.raises(AssertionError, match="unpinned-uses"):
        run(written, "zizmor", "--offline", "--no-progress", str(workflow))
    workflow.write_text(workflow.read_text().replace("runs-on:", "runs_on:"))
    with pytest.raises(AssertionError, match="runs_on"):
        run(written, "actionlint", str(workflow))


def calls(text: str) -> list[list[str]]:
    """The arguments of each call of ``./inv`` in a script; a variable stands for one word."""
    found = [call.replace("\\\n", " ").split(";")[0] for call in CALL.findall(text)]
    return [shlex.split(call.replace('"$@"', "").split(" |")[0]) for call in found]


def test_every_call_of_a_task_is_one_that_parses(written: Path) -> None:
    parser = Parser(contexts=task_copies().to_contexts())
    parsed = []
    for script in (*written.glob("ci/*.sh"), written / ".githooks" / "pre-commit"):
        for words in calls(script.read_text()):
            (context,) = parser.parse_argv(words)
            assert not context.missing_positional_args, words
            parsed.append(context.name)
    assert set(parsed) >= {"build", "verify", "size", "builder.image"}
    assert set(parsed) >= {"bundle.draft", "bundle.merge", "bundle.verify"}


@pytest.mark.parametrize(
    "call",
    [
        *("build --sdk x --cache x", "verify --sdk x", "size --sdk x", "bundle.draft --app x --sdk x"),
        *("bundle.draft --app x --rebuild x", "verify --baseline x", "bundle.merge x --other x"),
    ],
)
def test_options_that_the_scripts_add_parse(call: str) -> None:
    Parser(contexts=task_copies().to_contexts()).parse_argv(shlex.split(call))


def test_a_call_that_does_not_exist_would_be_noticed() -> None:
    parser = Parser(contexts=task_copies().to_contexts())
    with pytest.raises(Exception, match="--no-such"):
        parser.parse_argv(["build", "--no-such", "x"])
    assert calls('"$TOOLCHAIN/inv" build --app "$app" \\\n    --clean "$@"\n') == [
        ["build", "--app", "$app", "--clean"]
    ]


def test_workflows_call_only_steps_that_the_recipes_have(written: Path) -> None:
    checks = (written / "ci" / "checks.sh").read_text()
    workflow = (written / ".github" / "workflows" / "checks.yml").read_text()
    called = {step for line in re.findall(r"app/ci/checks\.sh ([a-z ]+)", workflow) for step in line.split()}
    assert called <= set(re.findall(r"^([a-z]+)\(\)", checks, re.MULTILINE))
    release = (written / "ci" / "release.sh").read_text()
    workflow = (written / ".github" / "workflows" / "release.yml").read_text()
    called = set(re.findall(r"app/ci/release\.sh ([a-z]+)", workflow))
    assert called >= {"build", "compare", "verify", "draft", "collect", "check"}
    assert called <= {
        word for line in re.findall(r"^([a-z |]+)\)", release, re.MULTILINE) for word in line.split()
    }


def test_nothing_runs_that_the_app_does_not_have(tmp_path: Path) -> None:
    none = plan(tmp_path, whole=False)
    texts = "".join(render(none, release=True).values())
    assert not re.search(r"cmake|pytest|libcmocka|max_total_time", texts)
    assert len(list(none.missing())) == 3


def test_secrets_are_in_reach_only_where_the_policy_lets_the_ci_sign(tmp_path: Path) -> None:
    release = render(plan(tmp_path), release=True)
    assert "secrets." not in "".join(release.values())
    assert "bundle.sign" not in "".join(release.values())
    (tmp_path / "2").mkdir()
    signing = render(plan(tmp_path / "2", signs=True), release=True)[".github/workflows/release.yml"]
    assert signing.count("secrets.") == 2
    assert "environment: release" in signing


def test_what_is_released_comes_from_no_cache(tmp_path: Path) -> None:
    files = render(plan(tmp_path), release=True)
    cached = {name for name, text in files.items() if "cache" in text.lower()}
    assert cached == {".github/workflows/checks.yml", "ci/checks.sh"}


def test_actions_are_pinned_by_commit(tmp_path: Path) -> None:
    texts = "".join(render(plan(tmp_path), release=True).values())
    used = re.findall(r"uses: (\S+)", texts)
    assert used
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", one) for one in used)


def test_what_is_there_is_not_replaced_unless_asked(tmp_path: Path) -> None:
    made = plan(tmp_path)
    folder, files = made.app.directory, render(made, release=False)
    paths = write(folder, files, force=False)
    assert [os.access(path, os.X_OK) for path in paths] == [False, True, True]
    write(folder, files, force=False)
    (folder / "ci" / "checks.sh").write_text("mine")
    (folder / ".githooks" / "pre-commit").unlink()
    with pytest.raises(ConfigError, match="nothing was written"):
        write(folder, files, force=False)
    assert not (folder / ".githooks" / "pre-commit").exists()
    write(folder, files, force=True)
    assert (folder / "ci" / "checks.sh").read_text() == files["ci/checks.sh"]


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    made = plan(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (made.app.directory / "ci").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="link"):
        write(made.app.directory, render(made, release=False), force=True)
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize(
    "text",
    ["", "acme/sdk", "acme/sdk@main", "acme/sdk@v1.2.3", f"sdk@{'a' * 40}", f"a/b@{'A' * 40}"],
)
def test_a_source_is_a_commit(text: str) -> None:
    with pytest.raises(ConfigError, match="40 digits"):
        Source.parse(text, "--sdk")
    assert Source.parse(f"acme/sdk@{'a' * 40}", "--sdk") == Source("acme/sdk", "a" * 40)


def test_an_app_for_no_known_device_gets_nothing(tmp_path: Path) -> None:
    manifest = app(tmp_path / "app", whole=True)
    with pytest.raises(ConfigError, match="no device"):
        Plan.of(manifest, (), HERE, None, "store", signs=False)


def test_the_sample_apps_have_unit_tests_and_fuzzers() -> None:
    for name in ("boilerplate", "notary"):
        manifest = AppManifest.read(PROJECT / "apps" / name)
        made = Plan.of(manifest, targets(), HERE, None, "store", signs=False)
        assert (made.units, made.fuzzers) == ("tests/unit", "fuzz")
