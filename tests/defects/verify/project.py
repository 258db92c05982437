"""Manifest, tests, documents, and secrets in the repository."""

import dataclasses
from pathlib import Path

from tests.defects.verify.case import fails, passes
from tests.unit.verify.candidates import MAKEFILE, good, with_manifest, without
from toolchain.verify import Candidate, Severity

MANIFEST = "ledger_app.toml"
WORKFLOW = ".github/workflows/checks.yml"
PHRASE = "abandon " * 11 + "about"


def workflow(folder: Path, text: str) -> Candidate:
    return good(folder, files={WORKFLOW: text})


def changelog(folder: Path, text: str) -> Candidate:
    return good(folder, files={"CHANGELOG.md": text})


def readme(folder: Path, text: str) -> Candidate:
    return good(folder, files={"README.md": text})


def committed(folder: Path, commit: str, *, dirty: bool) -> Candidate:
    candidate = good(folder)
    provenance = dataclasses.replace(candidate.provenance, commit=commit, dirty=dirty)
    return dataclasses.replace(candidate, provenance=provenance)


COMMANDS = "doc/COMMANDS.md"

CASES = (
    fails(
        "manifest-app-table", "unknown", lambda f: with_manifest(good(f), devices=("nano s plus",)), MANIFEST
    ),
    fails(
        "manifest-app-table",
        "twice",
        lambda f: with_manifest(good(f), devices=("nanos+", "nanosp")),
        MANIFEST,
    ),
    passes("manifest-app-table", "several", lambda f: with_manifest(good(f), devices=("nanos+", "nanox"))),
    fails(
        "manifest-tests-paths",
        "no such folder",
        lambda f: with_manifest(good(f), unit_tests={"directory": "./unit/"}),
        MANIFEST,
    ),
    fails(
        "manifest-tests-paths",
        "no tests in it",
        lambda f: with_manifest(good(f), pytest={"main": {"directory": "src"}}),
        MANIFEST,
    ),
    fails(
        "manifest-tests-paths",
        "first version",
        lambda f: with_manifest(good(f), tests={"pytest_directory": "./none"}),
        MANIFEST,
    ),
    passes(
        "manifest-tests-paths", "no tables", lambda f: with_manifest(good(f), unit_tests=None, pytest=None)
    ),
    fails(
        "manifest-use-cases",
        "a release that is none",
        lambda f: with_manifest(good(f), use_cases={"prod": "BYPASS_SIGNATURES=1"}),
        MANIFEST,
    ),
    fails(
        "manifest-use-cases", "default", lambda f: with_manifest(good(f), use_cases={"default": ""}), MANIFEST
    ),
    passes("manifest-use-cases", "debug", lambda f: with_manifest(good(f), use_cases={"debug": "DEBUG=1"})),
    fails("manifest-version", "tests", lambda f: with_manifest(good(f), tests={}), MANIFEST),
    passes("manifest-version", "pytest", good),
    fails(
        "functional-tests",
        "none",
        lambda f: without(good(f), "tests/functional/conftest.py", "tests/functional/test_sign.py"),
        MANIFEST,
    ),
    fails(
        "functional-tests",
        "too few",
        lambda f: good(f, files={"tests/functional/test_sign.py": "def test_a():\n    pass\n"}),
        MANIFEST,
    ),
    passes(
        "functional-tests",
        "where the manifest says",
        lambda f: without(good(f), "tests/functional/conftest.py"),
    ),
    passes(
        "functional-tests",
        "Zemu",
        lambda f: without(
            good(f, files={"tests_zemu/tests/sign.test.ts": ""}), "tests/functional/test_sign.py"
        ),
    ),
    passes(
        "functional-tests",
        "called so at the end",
        lambda f: without(
            good(f, files={"tests/functional/sign_test.py": "def test_a(): ...\n" * 3}),
            "tests/functional/test_sign.py",
        ),
    ),
    passes(
        "unit-tests",
        "beside the sources",
        lambda f: without(good(f, files={"lib/amount_test.c": ""}), "tests/unit/CMakeLists.txt"),
    ),
    passes(
        "unit-tests",
        "without CMake",
        lambda f: without(good(f, files={"unit-tests/amounts.c": ""}), "tests/unit/CMakeLists.txt"),
    ),
    fails(
        "unit-tests",
        "of a library",
        lambda f: without(good(f, files={"vendor/b/amount_test.c": ""}), "tests/unit/CMakeLists.txt"),
        MANIFEST,
    ),
    fails("unit-tests", "none", lambda f: without(good(f), "tests/unit/CMakeLists.txt"), MANIFEST),
    passes("unit-tests", "some", good),
    fails("fuzzing-present", "none", lambda f: without(good(f), "fuzzing/fuzz_parser.c"), MANIFEST),
    passes("fuzzing-present", "one", good),
    fails("ci-automated", "none", lambda f: without(good(f), WORKFLOW), ".github/workflows"),
    fails("ci-automated", "a moving tag", lambda f: workflow(f, "\n- uses: a/b/c.yml@v1\n"), f"{WORKFLOW}:2"),
    passes("ci-automated", "a commit", good),
    passes("ci-automated", "in a comment", lambda f: workflow(f, "\n# - uses: a/b/c.yml@v1\n")),
    fails(
        "codeql-workflow", "other queries", lambda f: workflow(f, "codeql-action/init"), ".github/workflows"
    ),
    passes("codeql-workflow", "the vendor's", lambda f: workflow(f, "uses: reusable_codeql_checks.yml")),
    fails("tx-format-documented", "nowhere", lambda f: without(good(f), COMMANDS), "doc"),
    fails(
        "tx-format-documented",
        "in a library",
        lambda f: without(good(f, files={"vendor/doc/APDU.md": "CLA INS"}), COMMANDS),
        "doc",
    ),
    fails(
        "tx-format-documented",
        "other words",
        lambda f: good(f, files={COMMANDS: "It is called INSTALL, of class CLASS."}),
        "doc",
    ),
    passes(
        "tx-format-documented",
        "in a specification",
        lambda f: without(good(f, files={"doc/specification/card.pdf": b"%PDF"}), COMMANDS),
    ),
    fails(
        "tx-format-documented",
        "in a guide",
        lambda f: without(good(f, files={"doc/user/guide.pdf": b"%PDF"}), COMMANDS),
        "doc",
    ),
    passes(
        "tx-format-documented",
        "in the README",
        lambda f: without(readme(f, "the byte `CLA`, then `INS`"), COMMANDS),
    ),
    fails("readme", "none", lambda f: without(good(f), "README.md"), "README.md"),
    fails("readme", "blank", lambda f: readme(f, " \n"), "README.md"),
    fails(
        "readme", "the template's", lambda f: readme(f, "\n## Ledger Boilerplate App\nSample"), "README.md:2"
    ),
    fails("readme", "short", lambda f: readme(f, "# Sample"), "README.md", Severity.ADVICE),
    fails("readme", "of another app", lambda f: readme(f, "# App" * 200), "README.md", Severity.ADVICE),
    passes("readme", "whole", good),
    passes("readme", "half of the name", lambda f: good(f, name="Sample XL")),
    fails(
        "changelog-version",
        "none",
        lambda f: without(good(f), "CHANGELOG.md"),
        "CHANGELOG.md",
        Severity.WARNING,
    ),
    fails("changelog-version", "old", lambda f: changelog(f, "#\n\n## [1.2.2]\n- x\n"), "CHANGELOG.md:3"),
    fails("changelog-version", "no version", lambda f: changelog(f, "# Changes\n"), "CHANGELOG.md"),
    fails(
        "changelog-version",
        "says nothing",
        lambda f: changelog(f, "## 1.2.3\n\n## 1.2.2\n- x"),
        "CHANGELOG.md:1",
    ),
    passes("changelog-version", "without brackets", lambda f: changelog(f, "## v1.2.3 (today)\n* x")),
    fails("license-present", "none", lambda f: without(good(f), "LICENSE"), "LICENSE"),
    passes(
        "license-present",
        "another spelling",
        lambda f: without(good(f, files={"LICENCE.md": "MIT"}), "LICENSE"),
    ),
    fails("repo-clean", "changed", lambda f: committed(f, "0" * 40, dirty=True), ""),
    fails("repo-clean", "no repository", lambda f: committed(f, "", dirty=False), ""),
    passes("repo-clean", "a commit", good),
    fails("mk-not-boilerplate", "name", lambda f: good(f, name="Boilerplate"), "Makefile:3"),
    fails(
        "mk-not-boilerplate", "variant", lambda f: good(f, variables={"VARIANT_VALUES": "BOL"}), "Makefile:12"
    ),
    passes("mk-not-boilerplate", "a name that contains it", lambda f: good(f, name="Not boilerplate")),
    fails(
        "mk-standard-include",
        "only mentioned",
        lambda f: good(
            f, makefile=f"{MAKEFILE}X = Makefile.standard_app\n", variables={"MAKEFILE_LIST": "Makefile"}
        ),
        "Makefile",
    ),
    passes(
        "mk-standard-include",
        "a plugin's",
        lambda f: good(f, variables={"MAKEFILE_LIST": "Makefile sdk/standard_plugin.mk"}),
    ),
    fails(
        "mk-mandatory-vars", "no sources", lambda f: good(f, variables={"APP_SOURCE_PATH": '""'}), "Makefile"
    ),
    passes(
        "mk-mandatory-vars",
        "single files",
        lambda f: good(f, variables={"APP_SOURCE_PATH": "", "APP_SOURCE_FILES": "main.c"}),
    ),
    fails(
        "src-todo-secrets",
        "PEM",
        lambda f: good(f, files={"keys/a.pem": f"\n-----BEGIN EC PRIVATE KEY-----\n{'A' * 64}\n"}),
        "keys/a.pem:2",
    ),
    fails(
        "src-todo-secrets",
        "loader's key",
        lambda f: good(f, makefile=f"{MAKEFILE}SCP_PRIVKEY = {'5a' * 32}\n"),
        "Makefile:16",
    ),
    fails(
        "src-todo-secrets",
        "phrase",
        lambda f: good(f, files={"src/a.c": f'const char *seed = "{PHRASE}";\n'}),
        "src/a.c:1",
    ),
    fails(
        "src-todo-secrets",
        "extended key",
        lambda f: good(f, files={"doc/a.md": f"xprv{'9' * 107}\n"}),
        "doc/a.md:1",
        Severity.ADVICE,
    ),
    passes("src-todo-secrets", "in tests", lambda f: good(f, files={"tests/a.py": f'SEED = "{PHRASE}"\n'})),
    passes(
        "src-todo-secrets",
        "eleven words",
        lambda f: good(f, files={"src/a.c": f'const char *text = "{"word " * 10}word";\n'}),
    ),
)
