import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolchain.app import App, AppManifest, Waiver
from toolchain.errors import ConfigError

APP = '[app]\nsdk = "C"\nbuild_directory = "./"\ndevices = ["nanox", "nanos+"]\n'

EVERYTHING = """\
[app]
sdk = "C"
build_directory = "./"
devices = ["nanox"]
[use_cases]
debug = "DEBUG=1"
[unit_tests]
directory = "./unit-tests/"
[pytest.standalone]
directory = "./tests/standalone/"
self_use_case = "debug"
[pytest.standalone.dependencies]
latest = [{ url = "https://example.org/app", ref = "v1.0", use_case = "debug" }, { url = "x", ref = "y" }]
[[waivers]]
rule = "path-not-too-broad"
reason = "reviewed"
expires = 2027-01-31
author = "A Reviewer"
"""


def read(folder: Path, text: str | bytes) -> AppManifest:
    (folder / "ledger_app.toml").write_bytes(text.encode() if isinstance(text, str) else text)
    return AppManifest.read(folder)


def test_the_smallest_manifest(tmp_path: Path) -> None:
    manifest = read(tmp_path, APP)
    assert manifest.directory == tmp_path
    assert manifest.build_directory == Path()
    assert manifest.devices == ("nanox", "nanos+")
    assert manifest.waivers == ()
    assert hash(manifest) == hash(read(tmp_path, APP))


def test_every_key(tmp_path: Path) -> None:
    manifest = read(tmp_path, EVERYTHING)
    assert manifest.waivers == (
        Waiver("path-not-too-broad", "reviewed", datetime.date(2027, 1, 31), "A Reviewer"),
    )
    assert manifest.tables["use_cases"] == {"debug": "DEBUG=1"}


def test_version_1_of_the_format(tmp_path: Path) -> None:
    text = APP + '[tests]\nunit_directory = "unit/"\npytest_directory = "tests/"\n'
    assert read(tmp_path, text).tables["tests"] == {"unit_directory": "unit/", "pytest_directory": "tests/"}


def test_the_build_directory_may_be_a_folder_inside(tmp_path: Path) -> None:
    assert read(tmp_path, APP.replace("./", "app/src/..")).build_directory == Path("app")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "missing: app"),
        ("[app]\n", "app: missing: sdk, build_directory, devices"),
        (APP + "x = 1\n", "app: unknown key 'x'"),
        (APP + "[rust-app]\n", "unknown key 'rust-app'"),
        (APP.replace('"C"', '"Rust"'), "only apps in C"),
        (APP.replace('"C"', "1"), "app.sdk: expected a text"),
        (APP.replace('"C"', '""'), "app.sdk: empty"),
        (APP.replace('"nanox"', "7"), r"app.devices\[0\]: expected a text"),
        (APP.replace('["nanox", "nanos+"]', '"nanox"'), "app.devices: expected a list"),
        (APP.replace('"./"', '"../"'), "leaves the app's folder"),
        (APP.replace('"./"', '"/etc"'), "leaves the app's folder"),
        (APP.replace('"./"', '"a\\u0000b"'), "not printable"),
        (APP + "[use_cases]\ndebug = 1\n", "use_cases.debug: expected a text"),
        (APP + '[pytest.a]\ndirectory = "/tmp"\n', "pytest.a.directory: '/tmp' leaves"),
        (APP + "[pytest.a]\n", "pytest.a: missing: directory"),
        (APP + "pytest = 3\n", "unknown key 'pytest'"),
        (
            APP + '[pytest.a]\ndirectory = "t"\n[pytest.a.dependencies]\nx = [1]\n',
            r"x\[0\]: expected a table",
        ),
        (APP + '[[waivers]]\nrule = "a"\nreason = "b"\n', r"waivers\[0\]: missing: expires"),
        (APP + '[[waivers]]\nrule = "a"\nreason = "b"\nexpires = "2027-01-01"\n', "expected a date"),
        (APP + '[[waivers]]\nrule = "a"\nreason = "b"\nexpires = 2027-01-01T00:00:00\n', "expected a date"),
        (APP + '[waivers]\nrule = "a"\n', "waivers: expected a list"),
        ("app = 1\n", "app: expected a table"),
        ("[app\n", "not TOML"),
        (b"\xff\xfe", "not TOML"),
        ("a = " + "[" * 100_000, "not TOML: nested too deep"),
        ("a = " + "{a=" * 10_000 + "1" + "}" * 10_000, "not TOML: nested too deep"),
        ("a." * 100_000 + "a = 1", "not TOML: a line with more than 200 dots"),
        ("[" + "a." * 100_000 + "a]", "not TOML: a line with more than 200 dots"),
        ("a = " + "1" * 5000, "not TOML: Exceeds the limit"),
        (APP + "".join("a." * 200 + f"b{n} = 1\n" for n in range(500)), "unknown key 'a'"),
        (APP + "[[waivers]]\n" * 15_000, r"waivers\[0\]: missing"),
        ("#" * (1 << 20) + "\n", "larger than"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read(tmp_path, text)
    assert "ledger_app.toml" in str(caught.value)


def test_a_build_directory_behind_a_link_that_leaves(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "out").symlink_to(tmp_path)
    with pytest.raises(ConfigError, match="leaves the app's folder"):
        read(tmp_path / "app", APP.replace("./", "out"))


def test_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no app here"):
        AppManifest.read(tmp_path)


def test_a_manifest_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "ledger_app.toml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        AppManifest.read(tmp_path)


@given(st.text(max_size=200))
def test_any_text_is_an_app_or_a_config_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    try:
        read(folder, APP + text.encode("utf-8", "replace").decode())
    except ConfigError:
        pass
    finally:
        (folder / "ledger_app.toml").unlink()


VARIABLES = {
    "APPNAME": '"My App"',
    "APPVERSION": '"1.2.3"',
    "APP_FLAGS_APP_LOAD_PARAMS": "0xa00",
    "CURVE_APP_LOAD_PARAMS": "secp256k1 ed25519",
    "PATH_APP_LOAD_PARAMS": '"44\'/1\'" "45\'"',
    "PATH_SLIP21_APP_LOAD_PARAMS": '"LEDGER-Wallet policy"',
    "ICONNAME": "icons/a.gif",
}


@pytest.fixture
def manifest(tmp_path: Path) -> AppManifest:
    return read(tmp_path, APP)


def test_an_app_from_the_variables_of_make(manifest: AppManifest) -> None:
    app = App.read(manifest, VARIABLES)
    assert (app.name, app.version) == ("My App", "1.2.3")
    assert app.permissions.flags == 0xA00
    assert app.permissions.curves == ("secp256k1", "ed25519")
    assert app.permissions.paths == ("44'/1'", "45'")
    assert app.permissions.paths_slip21 == ("LEDGER-Wallet policy",)
    assert app.icon == Path("icons/a.gif")
    assert app.variables == VARIABLES


def test_what_the_makefile_does_not_ask_for(manifest: AppManifest) -> None:
    app = App.read(manifest, {"APPNAME": "A", "APPVERSION": "1"})
    assert app.permissions.flags == 0
    assert app.permissions.curves == app.permissions.paths == app.permissions.paths_slip21 == ()
    assert app.icon is None


def test_an_empty_path_is_not_no_path(manifest: AppManifest) -> None:
    assert App.read(manifest, VARIABLES | {"PATH_APP_LOAD_PARAMS": '""'}).permissions.paths == ("",)


def test_the_last_flags_count(manifest: AppManifest) -> None:
    app = App.read(manifest, VARIABLES | {"APP_FLAGS_APP_LOAD_PARAMS": "0x200 0x800"})
    assert app.permissions.flags == 0x800


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("APPNAME", "", "APPNAME is not one word"),
        ("APPNAME", "My App", "APPNAME is not one word"),
        ("APPNAME", '""', "APPNAME is not one word"),
        ("APPNAME", '"My', "not a list of words"),
        ("APPVERSION", "", "APPVERSION is not one word"),
        ("APP_FLAGS_APP_LOAD_PARAMS", "many", "not a number"),
        ("APP_FLAGS_APP_LOAD_PARAMS", "010", "not a number"),
        ("APP_FLAGS_APP_LOAD_PARAMS", "-1", "not a number"),
        ("APP_FLAGS_APP_LOAD_PARAMS", "0x100000000", "not a number"),
        ("APP_FLAGS_APP_LOAD_PARAMS", "4294967296", "not a number"),
        ("PATH_APP_LOAD_PARAMS", "\"44'/1'", "not a list of words"),
    ],
)
def test_variables_that_make_no_sense(manifest: AppManifest, name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        App.read(manifest, VARIABLES | {name: value})
