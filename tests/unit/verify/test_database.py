import json

import pytest

from toolchain.errors import ConfigError
from toolchain.formats.install_params import path_from_text
from toolchain.verify.data import coin, flag_names, key_outputs, newest_api_level, os_releases, throwing_calls
from toolchain.verify.database import Entry, read_database, sdk_path

TEXT = """{
  "SAMPLE": {
    "appFlags": {"nanos2": "0x000", "nanox": "0x200"},
    "appName": "Sample",
    "curve": ["secp256k1"],
    "path": ["44'/1'", null],
    "path_slip21": "LEDGER-Sample"
  },
  "PLUGIN": {"appFlags": {"nanos2": "0x800"}, "appName": "Plugin", "path": [null]}
}"""


def test_entries_are_read() -> None:
    database = read_database(TEXT, where="db.json")
    assert database["SAMPLE"] == Entry(
        variant="SAMPLE",
        name="Sample",
        flags={"nanos2": 0, "nanox": 0x200},
        curves=("secp256k1",),
        paths=(path_from_text("44'/1'"), ()),
        paths_slip21=("LEDGER-Sample",),
    )
    assert database["PLUGIN"].curves == ()
    assert database["PLUGIN"].paths == ((),)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("appName", 1),
        ("appName", None),
        ("appFlags", []),
        ("appFlags", {"nanox": "many"}),
        ("appFlags", {"nanox": 0}),
        ("curve", {}),
        ("curve", [1]),
        ("path", ["m/44'"]),
        ("path", 44),
        ("more", 1),
    ],
)
def test_what_is_no_entry_is_refused_with_its_name(key: str, value: object) -> None:
    table = json.loads(TEXT)
    table["SAMPLE"][key] = value
    with pytest.raises(ConfigError) as caught:
        read_database(json.dumps(table), where="db.json")
    assert caught.value.where == "db.json: SAMPLE"


@pytest.mark.parametrize("text", ["", "[]", "{}", "1", "[" * 100_000, '{"A": 1}', '{"A": {"appName": "x"}}'])
def test_what_is_no_database_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        read_database(text, where="db.json")


def test_large_indices_lose_their_highest_bit_as_in_the_sdks_tool() -> None:
    assert sdk_path("2152157255'") == path_from_text("4673607'")
    assert sdk_path("44'/2147483648'") == path_from_text("44'/0'")
    assert sdk_path("44'/1") == path_from_text("44'/1")
    with pytest.raises(ConfigError):
        sdk_path("44'/99999999999'")


def test_facts_that_rules_look_up() -> None:
    assert coin(0) == ("BTC", "Bitcoin")
    assert coin(535348) is None
    assert flag_names(0x240) == "0x240 (GLOBAL_PIN, BOLOS_SETTINGS)"
    assert flag_names(0) == "0x0"
    assert flag_names(1 << 19) == "0x80000 (0x80000)"
    assert os_releases(25)["apex_p"] == "1.0.4"
    assert os_releases(23) == {}
    assert os_releases(newest_api_level())
    assert throwing_calls()["cx_hash"] == "cx_hash_no_throw"
    assert throwing_calls()["os_perso_derive_node_bip32"] == "os_derive_bip32_no_throw"
    assert key_outputs()["os_derive_bip32_no_throw"] == 3
