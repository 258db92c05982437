"""Defects to plant: those that the vendor's checks were tried with (25 of 35 pass all of these), and more."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.defects.planted.sample import Sample
from tests.unit.verify.candidates import gif


@dataclass(frozen=True)
class Mutant:
    """One defect. It is caught by one of ``rules``, or by a build that stops where ``stops`` allows it."""

    name: str
    plant: Callable[[Sample], None]
    rules: frozenset[str]
    stops: bool = False


def _mutant(name: str, plant: Callable[[Sample], None], *rules: str, stops: bool = False) -> Mutant:
    return Mutant(name, plant, frozenset(rules), stops)


UNUSED = "static int planted(void)\n{\n    return 1;\n}"
PRAGMA = '#pragma clang diagnostic ignored "-Wunused-function"'

PROTOTYPE = "int planted(uint8_t *out, size_t size, const uint32_t *path, size_t length);\n"
HEAD = PROTOTYPE + "int planted(uint8_t *out, size_t size, const uint32_t *path, size_t length)\n{\n"
DERIVE = """    cx_ecfp_private_key_t key;
    size_t made = size;
    if (bip32_derive_init_privkey_256(CX_CURVE_256K1, path, length, &key, NULL) != CX_OK) {
        return -1;
    }
"""
SIGN = """    const cx_err_t error =
        cx_ecdsa_sign_no_throw(&key, CX_RND_RFC6979 | CX_LAST, CX_SHA256, out, 32, out, &made, NULL);
"""
WIPE = "    explicit_bzero(&key, sizeof(key));\n"
TAIL = "    return error == CX_OK ? (int) made : -1;\n}\n"
INCLUDES = '#include "crypto_helpers.h"\n#include "os.h"\n#include <string.h>\n'


def _code(text: str) -> Callable[[Sample], None]:
    """Code at the end of the handler."""
    return lambda sample: sample.append(sample.handler, INCLUDES + text)


def _text(call: str) -> Callable[[Sample], None]:
    return _code(
        "void planted(char *out, const char *in);\n"
        f"void planted(char *out, const char *in)\n{{\n    {call}\n}}"
    )


def _warning(*lines: str, last: tuple[str, ...] = ()) -> Callable[[Sample], None]:
    """An unused function, and lines of the makefile that hide it."""

    def plant(sample: Sample) -> None:
        sample.append(sample.handler, UNUSED)
        for line in lines:
            sample.make(line)
        if last:
            sample.make_last("\n".join(last))

    return plant


def _in_source(*lines: str) -> Callable[[Sample], None]:
    return lambda sample: sample.append(sample.handler, "\n".join((*lines, UNUSED)))


def _icon(sample: Sample) -> str:
    return f"icons/app_{sample.folder.name}_14px.gif"


def _goal_dependent(sample: Sample) -> None:
    path = next(line for line in sample.read("Makefile").splitlines() if line.startswith("PATH_APP_LOAD"))
    sample.assign("PATH_APP_LOAD_PARAMS", None)
    sample.make(f"ifeq ($(MAKECMDGOALS),listparams)\n{path}\nelse\nCURVE_APP_LOAD_PARAMS += ed25519\nendif")


def _twice(sample: Sample) -> None:
    path = next(line for line in sample.read("Makefile").splitlines() if line.startswith("PATH_APP_LOAD"))
    sample.make(path.replace("=", "+=", 1))


def _no_tests(sample: Sample) -> None:
    sample.remove("tests")


def _throw(sample: Sample) -> None:
    sample.insert(sample.parser, sample.parses, "    if (size > 9000) {\n        THROW(0x6A80);\n    }\n")
    sample.write(sample.parser, f'#include "os.h"\n{sample.read(sample.parser)}')


def _secret_in_flash(sample: Sample) -> None:
    code = (
        "typedef struct {\n    uint8_t bytes[32];\n} planted_t;\n"
        "extern const planted_t N_planted_real;\nconst planted_t N_planted_real;\n"
        + HEAD
        + DERIVE
        + "    nvm_write((void *) PIC(N_planted_real.bytes), key.d, sizeof(key.d));\n"
        + SIGN
        + WIPE
        + TAIL
    )
    sample.append(sample.handler, INCLUDES + code)


PEERS = (
    _mutant("debug1", lambda s: s.make("DEBUG = 1"), "mk-no-debug", "elf-debug-leftover"),
    _mutant(
        "printf",
        lambda s: s.make("DEFINES += HAVE_PRINTF"),
        "mk-no-debug",
        "elf-debug-leftover",
        stops=True,
    ),
    _mutant("warn", _warning(), "build-no-warnings"),
    _mutant("nowarn_w", _warning("CFLAGS += -w"), "warn-not-disabled-makefile"),
    _mutant(
        "nowarn_flag",
        _warning("CFLAGS += -Wno-unused-function"),
        "build-no-warnings",
        "warn-not-disabled-makefile",
    ),
    _mutant(
        "nowarn_flag_after",
        _warning(last=("CFLAGS += -Wno-unused-function",)),
        "warn-not-disabled-makefile",
    ),
    _mutant(
        "nowarn_noerror",
        _warning("CFLAGS += -Wno-error"),
        "build-no-warnings",
        "warn-not-disabled-makefile",
    ),
    _mutant(
        "nowarn_noerror_after",
        _warning(last=("CFLAGS += -Wno-error",)),
        "build-no-warnings",
        "warn-not-disabled-makefile",
    ),
    _mutant("nowarn_pragma", _in_source(PRAGMA), "warn-not-disabled-source"),
    _mutant(
        "nowarn_system",
        _in_source("#pragma clang system_header"),
        "warn-not-disabled-source",
        "build-no-warnings",
    ),
    _mutant(
        "scan_override",
        _warning(last=("scan-build:", "\t@true")),
        "build-no-warnings",
        "mk-no-recipe-override",
    ),
    _mutant(
        "analyzer_hide",
        _code(
            "#ifndef __clang_analyzer__\nvoid planted(char *out, const char *in);\n"
            "void planted(char *out, const char *in)\n{\n    strcpy(out, in);\n}\n#endif"
        ),
        "analyzer-not-evaded",
    ),
    _mutant("strcpy", _text("strcpy(out, in);"), "src-unsafe-string"),
    _mutant("sprintf", _text('sprintf(out, "%s", in);'), "src-unsafe-string", stops=True),
    _mutant(
        "curve_prime256r1",
        lambda s: s.assign("CURVE_APP_LOAD_PARAMS", "prime256r1"),
        "curve-known",
        "install-params-present",
        stops=True,
    ),
    _mutant("path_broad", lambda s: s.assign("PATH_APP_LOAD_PARAMS", '"44\'"'), "path-not-too-broad"),
    _mutant("path_empty", lambda s: s.assign("PATH_APP_LOAD_PARAMS", '""'), "path-declared"),
    _mutant("path_missing", lambda s: s.assign("PATH_APP_LOAD_PARAMS", None), "path-declared"),
    _mutant("path_nonhardened_dup", _twice, "install-params-present"),
    _mutant("goal_dependent", _goal_dependent, "path-declared", "mk-goal-independent"),
    _mutant("tlvraw", lambda s: s.make("TLVRAW_APP_LOAD_PARAMS = 9F:01"), "load-params-extra", stops=True),
    _mutant("dep", lambda s: s.make("DEP_APP_LOAD_PARAMS = Bitcoin"), "load-params-extra"),
    _mutant(
        "version_mismatch",
        lambda s: s.assign("APPVERSION", '"9.9.9"'),
        "appversion-format",
        "changelog-version",
        "elf-vs-makefile",
    ),
    _mutant("icon_missing", lambda s: s.assign("ICON_NANOSP", None), "icon-exists", stops=True),
    _mutant("icon_badpath", lambda s: s.assign("ICON_NANOSP", "icons/no.gif"), "icon-exists", stops=True),
    _mutant("notests", _no_tests, "functional-tests", "manifest-tests-paths"),
    _mutant(
        "datetime",
        _code("const char *planted(void);\nconst char *planted(void)\n{\n    return __DATE__ __TIME__;\n}"),
        "elf-host-paths",
        "build-no-warnings",
        stops=True,
    ),
    _mutant(
        "bigbss",
        lambda s: s.insert(
            s.handler,
            s.entry,
            "\n    static volatile uint8_t planted[38000];\n    planted[data->size] = 1;\n",
        ),
        "elf-stack-budget",
        "elf-ram-budget",
        stops=True,
    ),
    _mutant(
        "data_init",
        lambda s: s.insert(
            s.handler, s.entry, "\n    static volatile uint32_t planted = 5;\n    planted += data->size;\n"
        ),
        "elf-data-empty",
        stops=True,
    ),
    _mutant("apploadparams", lambda s: s.make("APP_LOAD_PARAMS += --appFlags 0xa00"), "mk-no-deprecated"),
    _mutant("customflags", lambda s: s.make("CUSTOM_APP_FLAGS = 0x8"), "flags-known"),
    _mutant("keywipe", _code(HEAD + DERIVE + SIGN + TAIL), "src-key-wiped"),
    _mutant("nvram_secret", _secret_in_flash, "src-no-secret-nvram"),
    _mutant("throw_parser", _throw, "src-parser-no-exceptions"),
    _mutant("noapproval", lambda s: s.insert(s.handler, s.entry, s.unasked), "src-user-approval"),
    _mutant(
        "deprecated_pragma",
        _code(
            '#pragma clang diagnostic ignored "-Wdeprecated-declarations"\n'
            "void planted(cx_sha3_t *hash);\n"
            "void planted(cx_sha3_t *hash)\n{\n    cx_keccak_init(hash, 256);\n}"
        ),
        "src-no-throw-crypto",
        "warn-not-disabled-source",
        stops=True,
    ),
)
"""The defects of the comparison with the vendor's scripts, under the names that they have there. One more
than 35: a path that is listed twice harms nobody, but says that nobody read the list."""

NULL = """int planted(int choice);
int planted(int choice)
{
    const int *value = 0;
    if (choice > 3) {
        value = &choice;
    }
    return *value;
}
"""

OTHERS = (
    _mutant("null_pointer", _code(NULL), "static-analyzer-clean"),
    _mutant(
        "uninitialised",
        _code(
            "int planted(int choice);\nint planted(int choice)\n{\n    int values[2];\n"
            "    values[0] = choice;\n    return values[choice > 3];\n}"
        ),
        "static-analyzer-clean",
    ),
    _mutant(
        "key_kept_on_error",
        _code(HEAD + DERIVE + "    if (size < 72) {\n        return -1;\n    }\n" + SIGN + WIPE + TAIL),
        "src-key-wiped-all-paths",
        "src-key-wiped",
    ),
    _mutant(
        "unchecked",
        _code(
            HEAD
            + DERIVE
            + "    (void) cx_ecdsa_sign_no_throw"
            + "(&key, CX_RND_RFC6979 | CX_LAST, CX_SHA256, out, 32, out, &made, NULL);\n"
            + WIPE
            + "    return (int) made;\n}\n"
        ),
        "src-error-checked",
    ),
    _mutant(
        "secret_to_host",
        _code(
            '#include "io.h"\n'
            + HEAD
            + DERIVE
            + "    memcpy(out, key.d, sizeof(key.d));\n"
            + "    const cx_err_t error = io_send_response_pointer(key.d, sizeof(key.d), 0x9000) < 0;\n"
            + WIPE
            + TAIL
        ),
        "src-no-secret-export",
    ),
    _mutant("strcat", _text("strcat(out, in);"), "src-unsafe-string"),
    _mutant(
        "suppressed",
        _code("int planted(void);\n__attribute__((suppress)) int planted(void)\n{\n    return 1;\n}"),
        "analyzer-not-evaded",
        "build-no-warnings",
    ),
    _mutant("run_scan", lambda s: s.make("ifeq ($(RUN_SCAN),true)\nendif"), "analyzer-not-evaded"),
    _mutant("isystem", lambda s: s.make("CFLAGS += -isystem src/core"), "warn-not-disabled-makefile"),
    _mutant(
        "wall_gone",
        lambda s: s.make_last("CFLAGS := $(filter-out -Wall,$(CFLAGS))"),
        "warn-not-disabled-makefile",
    ),
    _mutant("path_not_hardened", lambda s: s.assign("PATH_APP_LOAD_PARAMS", '"44\'/1"'), "path-hardened"),
    _mutant(
        "path_of_ethereum", lambda s: s.assign("PATH_APP_LOAD_PARAMS", "\"44'/60'\""), "path-eth-chainid"
    ),
    _mutant(
        "path_unregistered",
        lambda s: s.assign("PATH_APP_LOAD_PARAMS", "\"44'/2147480000'\""),
        "path-slip44-registered",
    ),
    _mutant("curve_missing", lambda s: s.assign("CURVE_APP_LOAD_PARAMS", None), "curve-declared"),
    _mutant("flag_unjustified", lambda s: s.make("CUSTOM_APP_FLAGS = 0x10"), "flags-justified"),
    _mutant("name_invalid", lambda s: s.assign("APPNAME", '"Sample\\\\n"'), "appname-valid", stops=True),
    _mutant("bypass", lambda s: s.make("DEFINES += BYPASS_SIGNATURES"), "mk-no-test-switches"),
    _mutant(
        "changelog_old",
        lambda s: s.write("CHANGELOG.md", "# Changelog\n\n## 0.0.1\n\n- First\n"),
        "changelog-version",
    ),
    _mutant("readme_missing", lambda s: s.remove("README.md"), "readme"),
    _mutant("icon_size", lambda s: s.write(_icon(s), gif(12, 12)), "icon-geometry", stops=True),
    _mutant(
        "private_key",
        lambda s: s.write("keys/test.pem", f"-----BEGIN EC PRIVATE KEY-----\n{'A' * 64}\n"),
        "src-todo-secrets",
    ),
    _mutant(
        "device_unknown",
        lambda s: s.write("ledger_app.toml", s.read("ledger_app.toml").replace('"nanox"', '"nanoxx"')),
        "manifest-app-table",
    ),
    _mutant(
        "tests_elsewhere",
        lambda s: s.write(
            "ledger_app.toml", s.read("ledger_app.toml").replace("./tests/functional/", "./tests/none/")
        ),
        "manifest-tests-paths",
    ),
    _mutant(
        "path_in_image",
        lambda s: s.insert(
            s.handler,
            s.entry,
            '\n    static const char *const volatile planted = "/home/me/app.c:7";\n'
            "    if (data->size == 9999) {\n        return *planted;\n    }\n",
        ),
        "elf-host-paths",
        "elf-debug-leftover",
    ),
    _mutant("variants", lambda s: s.assign("VARIANT_VALUES", "one two"), "variants-all-built"),
    _mutant("build_id", lambda s: s.make_last("SHIM_LDFLAGS += --build-id=sha1"), "reproducible-flags"),
    _mutant("fetch_while_read", lambda s: s.make("PLANTED := $(shell curl --version)"), "mk-no-side-effects"),
    _mutant(
        "large_frame",
        _code("void planted(void);\nvoid planted(void)\n{\n    volatile char all[5000];\n    all[0] = 0;\n}"),
        "src-stack-frames",
    ),
    _mutant(
        "no_pic",
        _code(
            "int planted(int row);\nstatic int first(void)\n{\n    return 1;\n}\n"
            "typedef int (*planted_t)(void);\nstatic const planted_t ROWS[] = {first, first};\n"
            "int planted(int row)\n{\n    return ROWS[row]();\n}"
        ),
        "src-pic",
    ),
    _mutant(
        "read_too_early",
        _code(
            '#include "parser.h"\nint planted(const command_t *cmd);\n'
            "int planted(const command_t *cmd)\n{\n    return cmd->data[7];\n}"
        ),
        "src-apdu-length-checked",
    ),
    _mutant("undocumented", lambda s: s.remove("doc"), "tx-format-documented"),
)
