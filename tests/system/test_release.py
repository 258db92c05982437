"""One command from source to a confirmed install, and what can go wrong on the way."""

import hashlib
import json
import shutil
import stat
from pathlib import Path

import pytest

from tests.system.inv import PROJECT, inv
from toolchain.manifest import Manifest

NANOS = ("nanos", "nanosp", "nanox")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample app in a folder with a space, so that tests can spoil it."""
    folder = tmp_path_factory.mktemp("my apps") / "boilerplate"
    shutil.copytree(PROJECT / "apps" / "boilerplate", folder, ignore=shutil.ignore_patterns("build", "bin"))
    return folder


@pytest.fixture
def spoiled(app: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(app, tmp_path / "spoiled app"))


@pytest.mark.component("qemu")
def test_release_of_all_apps_for_all_nanos_ends_in_confirmed_installs_that_boot(tmp_path: Path) -> None:
    run = inv("release", "--json", "--emulate", "--dist", tmp_path)
    assert run.code == 0, run.err
    rows = run.lines("release")
    assert {(row["target"]) for row in rows} == set(NANOS)
    assert all(row["confirmed"] and row["kind"] == "development" for row in rows)
    assert all(row["warnings"] == 0 for row in run.lines("build"))
    for row, installed in zip(rows, run.lines("installed"), strict=True):
        assert installed["digest"] == row["digest"]
        assert installed["issuer"] == "virtual device"
        assert installed["unsafe"] == []
    booted = run.lines("booted")
    assert [(b["target"], b["digest"]) for b in booted] == [(row["target"], row["digest"]) for row in rows]
    assert all("ready" in " ".join(b["screen"]) for b in booted)


def test_a_second_release_has_the_same_digests(app: Path, tmp_path: Path) -> None:
    first = inv("release", "--json", "--app", app, "--dist", tmp_path / "1")
    second = inv("release", "--json", "--app", app, "--dist", tmp_path / "2")
    digests = [[row["digest"] for row in run.lines("release")] for run in (first, second)]
    assert len(digests[0]) == 3
    assert digests[0] == digests[1]


def test_the_artefacts_agree_with_each_other(app: Path, tmp_path: Path) -> None:
    assert inv("sign", "--app", app, "--target", "nanosp", "--dist", tmp_path).code == 0
    folder = tmp_path / "boilerplate" / "nanosp"
    manifest = Manifest.from_json((folder / "manifest.json").read_text())
    for name, expected in manifest.files.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == expected
    sums = dict(line.split("  ")[::-1] for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert sums == dict(manifest.files) | {
        "manifest.json": hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    }
    assert (folder / "app.sha256").read_text().strip() == manifest.image.digest
    unsigned = (folder / "app.apdu").read_text().splitlines()
    signed = (folder / "app.signed.apdu").read_text().splitlines()
    assert signed[:-1] == unsigned[:-1]
    assert manifest.signature is not None
    assert signed[-1].endswith(manifest.signature.der)


def test_a_manifest_is_loaded_without_building(app: Path, tmp_path: Path) -> None:
    assert inv("sign", "--app", app, "--target", "nanox", "--dist", tmp_path).code == 0
    manifest = tmp_path / "boilerplate" / "nanox" / "manifest.json"
    state = tmp_path / "device.json"
    first = inv("load", "--json", "--manifest", manifest, "--state", state)
    assert first.code == 0, first.err
    assert not first.only("installed")["unchanged"]
    again = inv("load", "--json", "--manifest", manifest, "--state", state)
    assert again.only("installed")["unchanged"]
    assert again.only("installed")["apdus"] == 0


@pytest.mark.parametrize("name", ["app.hex", "app.elf", "app.apdu"])
def test_an_artefact_that_was_changed_is_not_loaded(app: Path, tmp_path: Path, name: str) -> None:
    assert inv("sign", "--app", app, "--target", "nanosp", "--dist", tmp_path).code == 0
    folder = tmp_path / "boilerplate" / "nanosp"
    (folder / name).write_bytes((folder / name).read_bytes() + b"\n")
    run = inv("load", "--json", "--manifest", folder / "manifest.json")
    assert run.code == 4
    assert run.only("error")["where"].endswith(name)


def test_a_manifest_of_another_key_is_not_loaded(app: Path, tmp_path: Path) -> None:
    stranger = {"XDG_DATA_HOME": str(tmp_path / "stranger")}
    assert inv("sign", "--app", app, "--target", "nanosp", "--dist", tmp_path, environment=stranger).code == 0
    run = inv("load", "--json", "--manifest", tmp_path / "boilerplate" / "nanosp" / "manifest.json")
    assert run.code == 6
    assert "not trusted" in run.only("error")["message"]


def test_an_app_that_does_not_compile_is_named_with_file_and_line(spoiled: Path, tmp_path: Path) -> None:
    source = next(spoiled.joinpath("src").rglob("main.c"))
    lines = source.read_text().splitlines()
    source.write_text("\n".join([*lines, "int broken(void) { return }"]) + "\n")
    run = inv("release", "--json", "--app", spoiled, "--target", "nanosp", "--dist", tmp_path / "dist")
    assert run.code == 3
    error = run.only("error")
    assert error["where"] == f"{source.relative_to(spoiled)}:{len(lines) + 1}"
    assert not (tmp_path / "dist").exists()


def test_an_app_with_a_warning_is_built_but_not_signed(spoiled: Path, tmp_path: Path) -> None:
    source = next(spoiled.joinpath("src").rglob("main.c"))
    lines = source.read_text().splitlines()
    source.write_text("\n".join([*lines, "static int unused;"]) + "\n")
    run = inv("release", "--json", "--app", spoiled, "--target", "nanosp", "--dist", tmp_path / "dist")
    assert run.code == 5
    finding = next(f for f in run.lines("finding") if f["rule"] == "build-no-warnings")
    assert finding["line"] == len(lines) + 1
    folder = tmp_path / "dist" / "spoiled app" / "nanosp"
    assert {"app.elf", "report.json", "report.sarif"} <= {path.name for path in folder.iterdir()}
    assert not (folder / "manifest.json").exists()


def test_one_target_that_fails_does_not_hide_the_others(spoiled: Path, tmp_path: Path) -> None:
    source = next(spoiled.joinpath("src").rglob("main.c"))
    source.write_text(source.read_text() + "\n#ifdef TARGET_NANOX\n#error not here\n#endif\n")
    run = inv("release", "--json", "--app", spoiled, "--dist", tmp_path / "dist")
    assert run.code == 3
    assert {row["target"] for row in run.lines("release")} == {"nanos", "nanosp"}


def test_a_release_policy_refuses_the_development_key(app: Path, tmp_path: Path) -> None:
    run = inv("release", "--json", "--app", app, "--policy", "release", "--dist", tmp_path)
    assert run.code == 6
    assert "development key" in run.only("error")["message"]


def test_a_release_key_with_its_passphrase_on_stdin(app: Path, tmp_path: Path) -> None:
    passphrase = "correct horse battery staple"
    key = tmp_path / "issuer.pem"
    made = inv("issuer.new", key, "--json", stdin=f"{passphrase}\n")
    assert made.code == 0, made.err
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    key_id = made.only("issuer")["key_id"]
    options = ("--app", app, "--target", "nanosp", "--dist", tmp_path / "dist", "--signer", f"file:{key}")
    run = inv("release", "--json", *options, stdin=f"{passphrase}\n")
    assert run.code == 0, run.err
    assert run.only("release") | {"key_id": key_id, "kind": "release"} == run.only("release")
    assert inv("sign", *options, stdin="wrong passphrase\n").code == 6
    key.chmod(0o644)
    assert inv("sign", *options, stdin=f"{passphrase}\n").code == 6


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["build", "--app", "no-such-app"], 2),
        (["build", "--target", "no-such-target"], 2),
        (["build", "--sdk", "no-such-sdk"], 2),
        (["build", "--compiler", "no-such-compiler"], 2),
        (["build", "--no-such-option"], 2),
        (["build", "--target"], 2),
        (["build", "--app", "--json"], 2),
        (["build", "--dist"], 2),
        (["no-such-task"], 2),
        (["help", "no-such-task"], 2),
        (["--list", "no-such-group"], 2),
        (["load", "--timeout", "soon"], 2),
        (["load", "--target", "nanosp", "--timeout", "-1"], 2),
        (["virtual-device", "--port", "any"], 2),
        (["fuzz", "--seconds", "0"], 2),
        (["verify", "--policy", "no-such-policy"], 2),
        (["sign", "--signer", "no-such-scheme:x"], 2),
        (["load", "--target", "nanosp", "--device", "no-such-transport:"], 2),
        (["load", "--manifest", "no-such-file"], 2),
        (["load", "--target", "nanosp", "--device", "tcp://127.0.0.1:1"], 7),
        (["virtual-device", "--consent", "perhaps"], 2),
        (["issuer.new", "/nonexistent/issuer.pem"], 6),
    ],
)
def test_mistakes_end_in_two_lines_and_a_documented_code(
    arguments: list[str], code: int, tmp_path: Path
) -> None:
    run = inv(*arguments, folder=tmp_path, stdin="a passphrase that is long\n")
    assert run.code == code, run.err
    assert run.err.startswith("error: ")
    assert "Traceback" not in run.err + run.out
    assert "fix: " in run.err


def test_a_results_folder_that_cannot_be_written(app: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    run = inv("build", "--json", "--app", app, "--target", "nanosp", "--dist", tmp_path / "file")
    assert run.code == 3
    assert run.only("error")["where"].startswith(str(tmp_path / "file"))


def test_json_is_all_that_stdout_carries(app: Path, tmp_path: Path) -> None:
    run = inv("verify", "--json", "--app", app, "--dist", tmp_path)
    assert run.code == 0
    assert all(json.loads(line)["schema"] == 1 for line in run.out.splitlines())
    assert run.err == ""
