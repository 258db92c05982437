"""The recipes that ``ci.init`` writes, run on a copy of the sample app as a CI would run them."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.system.inv import PROJECT, inv
from tests.system.test_release_tasks import PASSPHRASE, make_policy
from toolchain.build.workplace import plain_root
from toolchain.environment import ensure_environment

pytestmark = [pytest.mark.component(name) for name in ("clang", "cmake", "cmocka", "gcovr", "jq")]

CONTAINER = [pytest.mark.component(name) for name in ("docker", "mmdebstrap")]

IDENTITY = {
    f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}
RAGGER = """
from ragger.conftest import configuration

configuration.OPTIONAL.BACKEND_SCOPE = "session"
pytest_plugins = ("ragger.conftest.base_conftest",)
"""
TESTS = """
def test_version(backend):
    assert backend.exchange(0xE0, 0x03).data == bytes([1, 0, 0])


def test_name(backend):
    assert backend.exchange(0xE0, 0x04).data == b"Boilerplate"
"""


def git(folder: Path, *arguments: str) -> str:
    command = ["git", *arguments]
    environment = os.environ | IDENTITY
    done = subprocess.run(command, cwd=folder, check=True, env=environment, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample app in a repository of its own, with all that ``ci.init`` writes, committed."""
    folder = tmp_path_factory.mktemp("apps") / "boilerplate"
    ignored = shutil.ignore_patterns("build", "bin", "__pycache__", "functional")
    shutil.copytree(PROJECT / "apps" / "boilerplate", folder, ignore=ignored)
    (folder / "tests" / "functional").mkdir()
    (folder / "tests" / "functional" / "conftest.py").write_text(RAGGER)
    (folder / "tests" / "functional" / "test_version.py").write_text(TESTS)
    (folder / ".gitignore").write_text("build/\n__pycache__/\n")
    made = inv("ci.init", "--app", folder, "--toolchain", f"acme/nano-toolchain@{'a' * 40}", "--release",
               "--ci-signs", "--policy", "release", "--json")  # fmt: skip
    assert made.code == 0, made.err
    assert len(made.lines("written")) == 5
    assert "no " not in made.err
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "source"]):
        git(folder, *arguments)
    return folder


def recipe(
    app: Path, script: str, *steps: str, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a recipe with this checkout as the toolchain, on this machine."""
    here = {"TOOLCHAIN": str(PROJECT), "BUILDER": "host", "CC": "clang-14", "GCOV": "llvm-cov-14 gcov"}
    here |= {"FUZZ_CC": "clang-14", "FUZZ_SECONDS": "2"}
    return subprocess.run(
        ["sh", f"ci/{script}", *steps],
        cwd=app,
        env=os.environ | here | environment,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def test_build_verify_unit_tests_and_fuzzers(app: Path, tmp_path: Path) -> None:
    done = recipe(app, "checks.sh", "image", "build", "verify", "units", "fuzz", OUT=str(tmp_path))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert json.loads((tmp_path / "verify.sarif").read_text())["runs"]
    assert "100% tests passed" in done.stdout
    assert "src/core/transaction.c" in (tmp_path / "coverage.txt").read_text()
    assert "coverage line-rate" in (tmp_path / "coverage.xml").read_text()
    assert any((tmp_path / "corpus" / "fuzz_transaction").iterdir())
    assert git(app, "status", "--porcelain") == ""


@pytest.mark.component("ccache")
def test_a_folder_is_kept_between_two_runs(app: Path, tmp_path: Path) -> None:
    environment = {"OUT": str(tmp_path / "out"), "CACHE": str(tmp_path / "cache")}
    shutil.rmtree(app / "build", ignore_errors=True)
    for copy in (plain_root(PROJECT / ".work") / "builds").glob("boilerplate-*"):
        if Path((copy / "app").read_text()) == app:
            shutil.rmtree(copy)
    assert recipe(app, "checks.sh", "build", **environment).returncode == 0
    first = {path.name: path.read_bytes() for path in tmp_path.glob("out/dist/*/*/app.elf")}
    assert len(list(tmp_path.glob("cache/*/*/*.zip"))) == 3
    assert recipe(app, "checks.sh", "build", **environment).returncode == 0
    assert {path.name: path.read_bytes() for path in tmp_path.glob("out/dist/*/*/app.elf")} == first


def test_a_finding_stops_the_recipe_unless_the_baseline_has_it(app: Path, tmp_path: Path) -> None:
    worse = Path(shutil.copytree(app, tmp_path / "boilerplate"))
    with (worse / "src" / "core" / "amount.c").open("a") as file:
        file.write('\nvoid planted(char *out);\nvoid planted(char *out) {\n    strcpy(out, "x");\n}\n')
    git(worse, "commit", "-q", "-a", "-m", "worse")
    assert recipe(worse, "checks.sh", "verify").returncode == 5
    baseline = worse / "verify-baseline.json"
    made = inv("verify", "--app", worse, "--policy", "release", "--baseline", baseline, "--update-baseline")
    assert made.code == 0, made.err
    git(worse, "add", "-A")
    git(worse, "commit", "-q", "-m", "baseline")
    assert recipe(worse, "checks.sh", "verify").returncode == 0


def test_every_file_is_compiled_once_more_for_who_watches(app: Path, tmp_path: Path) -> None:
    done = recipe(app, "checks.sh", "compile", OUT=str(tmp_path))
    assert done.returncode == 0, done.stderr[-2000:]
    databases = [json.loads(p.read_text()) for p in tmp_path.glob("dist/boilerplate/*/compile_commands.json")]
    assert len(databases) == 3
    compiled = {path.name for path in (tmp_path / "compiled").iterdir()}
    assert len(compiled) == sum(map(len, databases))


def test_the_size_is_compared_with_another_revision(app: Path, tmp_path: Path) -> None:
    base = git(app, "rev-parse", "HEAD")
    changed = Path(shutil.copytree(app, tmp_path / "boilerplate"))
    source = changed / "src" / "handler" / "get_version.c"
    source.write_text(source.read_text() + "\nconst char planted[400] __attribute__((used)) = {1};\n")
    git(changed, "commit", "-q", "-a", "-m", "larger")
    done = recipe(changed, "checks.sh", "size", BASE=base)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "boilerplate" in done.stdout
    assert git(changed, "worktree", "list").count("\n") == 0


@pytest.mark.component("qemu")
def test_functional_tests_run_in_the_emulator(app: Path, tmp_path: Path) -> None:
    python = (
        ensure_environment(PROJECT / "requirements" / "speculos.lock", PROJECT / ".venv-speculos") / "python3"
    )
    done = recipe(app, "checks.sh", "functional", OUT=str(tmp_path), FUNCTIONAL_PYTHON=str(python))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert done.stdout.count("2 passed") == 2


@pytest.mark.parametrize("script", ["checks.sh", "release.sh"])
def test_a_step_that_is_none_is_said_before_anything_runs(app: Path, script: str) -> None:
    assert recipe(app, script, "no-such-step").returncode == 2
    assert recipe(app, script).returncode == 2
    assert "is the folder of the toolchain" in recipe(app, script, "build", TOOLCHAIN="").stderr


@pytest.fixture(params=["host", pytest.param("container", marks=CONTAINER)])
def machine(request: pytest.FixtureRequest) -> str:
    """Where the recipes build; a container needs an engine with the builder image."""
    name = str(request.param)
    if name == "container":
        request.getfixturevalue("builder")
    return name


@pytest.mark.component("docker")
@pytest.mark.component("mmdebstrap")
@pytest.mark.usefixtures("builder")
def test_checks_run_in_the_container(app: Path, tmp_path: Path) -> None:
    steps = ("image", "build", "verify", "compile")
    done = recipe(app, "checks.sh", *steps, OUT=str(tmp_path), BUILDER="container")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    built = [json.loads(path.read_text()) for path in tmp_path.glob("dist/boilerplate/*/build.json")]
    assert len(built) == 3
    assert {record["provenance"]["builder"].partition(" ")[0] for record in built} == {"container"}
    assert json.loads((tmp_path / "verify.sarif").read_text())["runs"]
    assert git(app, "status", "--porcelain") == ""


def test_two_builders_are_compared(app: Path, tmp_path: Path, machine: str) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder, builder in zip(folders, ("host", machine), strict=True):
        done = recipe(app, "release.sh", "build", OUT=str(folder), BUILDER=builder)
        assert done.returncode == 0, done.stderr[-2000:]
    results = [str(folder / "dist") for folder in folders]
    done = recipe(app, "release.sh", "compare", *results)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the same: ") == 9
    image = folders[1] / "dist" / "boilerplate" / "nanox" / "app.hex"
    image.write_text(image.read_text() + "\n")
    assert recipe(app, "release.sh", "compare", *results).returncode == 1
    image.unlink()
    assert "different apps or targets" in recipe(app, "release.sh", "compare", *results).stderr
    assert recipe(app, "release.sh", "compare", str(tmp_path / "one"), str(app / "doc")).returncode == 1


def test_a_release_goes_from_statements_of_builders_to_a_bundle_that_is_good(
    app: Path, tmp_path: Path, machine: str
) -> None:
    keys, out = tmp_path / "keys", tmp_path / "out"
    keys.mkdir()
    policy, bundle = make_policy(keys), out / "app.bundle"

    def step(*steps: str, stdin: str = "", code: int = 0) -> None:
        places = {"OUT": str(out), "RELEASE_POLICY": str(policy), "SIGNER": f"file:{keys / 'app.pem'}"}
        places |= {"BUILDER": machine}
        done = recipe(app, "release.sh", *steps, stdin=stdin, **places)
        assert done.returncode == code, done.stdout[-2000:] + done.stderr[-2000:]

    def call(*arguments: str | Path, key: str) -> None:
        signer = ("--policy", policy, "--signer", f"file:{keys / key}.pem")
        run = inv(*arguments, *signer, stdin=PASSPHRASE)
        assert run.code == 0, run.err

    rebuilds = [str(tmp_path / f"{name}.json") for name in ("one", "two")]
    for name, rebuild in zip(("one", "two"), rebuilds, strict=True):
        call(
            "attest",
            "--app",
            app,
            "--builder",
            machine,
            "--dist",
            tmp_path / name,
            "--out",
            rebuild,
            key=name,
        )
    step("draft", rebuilds[0], code=5)
    step("draft", *rebuilds)
    step("check", code=5)
    copies = [shutil.copy(bundle, tmp_path / f"{name}.bundle") for name in ("alice", "bob")]
    for name, copy in zip(("alice", "bob"), copies, strict=True):
        call("approve", copy, "--yes", key=name)
    step("collect", *map(str, copies))
    log = ("--log", tmp_path / "log")
    call("log.append", bundle, *log, key="log")
    call("log.witness", *log, "--memory", tmp_path / "memory.json", "--first", key="witness")
    assert inv("log.prove", bundle, *log).code == 0
    step("check", code=5)
    step("sign", stdin=PASSPHRASE)
    step("check")


def test_the_hook_checks_what_is_committed(app: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(app, tmp_path / "boilerplate"))
    git(folder, "config", "core.hooksPath", ".githooks")
    with pytest.raises(subprocess.CalledProcessError):
        git(folder, "commit", "-q", "--allow-empty", "-m", "nobody says where the toolchain is")
    git(folder, "config", "nano-toolchain.folder", str(PROJECT))
    git(folder, "commit", "-q", "--allow-empty", "-m", "good")
    with (folder / "Makefile").open("a") as file:
        file.write("CFLAGS += -w\n")
    with pytest.raises(subprocess.CalledProcessError):
        git(folder, "commit", "-q", "-a", "-m", "bad")
    assert git(folder, "log", "-1", "--format=%s") == "good"
