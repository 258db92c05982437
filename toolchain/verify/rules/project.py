"""The repository: manifest, tests, documents, and what must not lie in it."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from toolchain.app import MANIFEST
from toolchain.diagnostic import in_vendor_folder
from toolchain.target import targets
from toolchain.verify.makefile import find, unquoted, words
from toolchain.verify.model import Candidate, Location, Problem, Severity, rule
from toolchain.verify.secrets import TEST_PHRASE, find_secret, is_for_tools

_OTHER_DEVICES = frozenset({"apex_m"})
"""Names that ledger_app.toml may list although this product has no such target."""

_SWITCHES = re.compile(r"\b\w*(?:DEBUG|TEST|BYPASS|STAGING)\w*=(?!0\b)")
_RELEASES = re.compile(r"(?:default|release|prod|production)", re.IGNORECASE)
_TEST_FUNCTION = re.compile(r"^\s*(?:async\s+)?def test_\w+", re.MULTILINE)
_MIN_TESTS = 3
_TEST_FILE = re.compile(r"test_.*\.py|.*_test\.py")
_UNIT_TEST = re.compile(
    r"(?:.*/)?(?:[^/]*unit[^/]*/(?:.*/)?.+|test_[^/]+|[^/]+_tests?)\.(?:c|cc|cpp|cxx)", re.IGNORECASE
)
_CHANGELOG = re.compile(r"CHANGELOG(?:\.\w+)?", re.IGNORECASE)
_CHANGELOG_ENTRY = re.compile(r"^##\s+\[?v?(\d+\.\d+\.\d+[\w.-]*)\]?", re.MULTILINE)
_TEMPLATE = re.compile(r"boilerplate", re.IGNORECASE)
_HEADING = re.compile(r"^#.*boilerplate", re.IGNORECASE | re.MULTILINE)
_README_LENGTH = 500
_LONG_WORD = re.compile(r"\w{3,}")
_DOCUMENT = re.compile(r".*\.(?:md|adoc|asc|asciidoc|rst|txt|tex|ya?ml)", re.IGNORECASE)
_SPECIFICATION = re.compile(
    r"(?:.*/)?docs?/.*(?:apdu|command|format|protocol|spec)[^/]*(?:/.*)?\.pdf", re.IGNORECASE
)
_COMMAND_WORD = re.compile(r"(?<![A-Za-z0-9])(CLA|INS|P1)(?![A-Za-z0-9])")
_WRAPPERS = ("Makefile.standard_app", "standard_plugin.mk")


@rule(
    "manifest-app-table",
    Severity.ERROR,
    reason="Release tools build the devices of the manifest; one that they do not know is not built.",
    source="ledger_app.toml, key app.devices",
    fix=f"list each device once: {', '.join(t.manifest_name for t in targets())}",
)
def manifest_app_table(candidate: Candidate) -> Iterator[Problem]:
    """Every device of the manifest is known, and is there once."""
    names = {alias: t.manifest_name for t in targets() for alias in (t.name, t.manifest_name, *t.aliases)}
    seen: set[str] = set()
    for device in candidate.app.manifest.devices:
        name = names.get(device.lower(), device.lower())
        if name not in names.values() and name not in _OTHER_DEVICES:
            yield Problem(f"no device is called {device!r}", Location(MANIFEST))
        elif name in seen:
            yield Problem(f"{device!r} is listed twice", Location(MANIFEST))
        seen.add(name)


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _test_folders(candidate: Candidate) -> tuple[dict[str, str], dict[str, str]]:
    """Folders of functional and of unit tests that the manifest names: key of the manifest → folder."""
    tables = candidate.app.manifest.tables
    first, units = _table(tables.get("tests")), _table(tables.get("unit_tests"))
    functional = {
        f"pytest.{k}.directory": _table(v).get("directory") for k, v in _table(tables.get("pytest")).items()
    }
    functional["tests.pytest_directory"] = first.get("pytest_directory")
    unit = {
        "unit_tests.directory": units.get("directory"),
        "tests.unit_directory": first.get("unit_directory"),
    }
    named = [{k: str(v) for k, v in group.items() if v} for group in (functional, unit)]
    return named[0], named[1]


@rule(
    "manifest-tests-paths",
    Severity.ERROR,
    reason="Tests in a folder that does not exist are tests that nobody runs.",
    source="ledger_app.toml, keys tests, unit_tests and pytest",
    fix="correct the folder's name in ledger_app.toml",
)
def manifest_tests_paths(candidate: Candidate) -> Iterator[Problem]:
    """The folders that the manifest names exist; those for pytest hold its files."""
    functional, unit = _test_folders(candidate)
    for key, folder in (functional | unit).items():
        files = candidate.tree.under(folder)
        names = {PurePosixPath(f).name for f in files}
        if not files:
            yield Problem(f"{key} names {folder!r}, where there is nothing", Location(MANIFEST))
        elif key in functional and not any(_TEST_FILE.fullmatch(n) for n in names):
            yield Problem(f"{key} names {folder!r}, which holds no test_*.py", Location(MANIFEST))


@rule(
    "manifest-use-cases",
    Severity.WARNING,
    reason="The release is what make builds without a use case; no use case may pass for it.",
    source="ledger_app.toml, table use_cases",
    fix="rename the use case, or remove its switches",
)
def manifest_use_cases(candidate: Candidate) -> Iterator[Problem]:
    """No use case called default; none called a release that has debug or test switches."""
    for name, flags in _table(candidate.app.manifest.tables.get("use_cases")).items():
        if name == "default":
            yield Problem("the use case 'default' is the build without switches", Location(MANIFEST))
        elif _RELEASES.fullmatch(name) and _SWITCHES.search(str(flags)):
            yield Problem(f"the use case {name!r} sets {str(flags)!r:.60}", Location(MANIFEST))


@rule(
    "manifest-version",
    Severity.ADVICE,
    reason="The first version of the manifest's format is deprecated.",
    source="ledger_app.toml: tables unit_tests and pytest replace tests",
    fix="write [unit_tests] and [pytest.NAME] instead of [tests]",
)
def manifest_version(candidate: Candidate) -> Iterator[Problem]:
    """The manifest has no table tests."""
    if "tests" in candidate.app.manifest.tables:
        yield Problem("the table [tests] is deprecated", Location(MANIFEST))


@rule(
    "functional-tests",
    Severity.ERROR,
    reason="An app without functional tests is not signed.",
    source="security requirements, Test requirements and Code review",
    fix="write tests with pytest and Ragger, and name their folder in ledger_app.toml: [pytest.NAME]",
)
def functional_tests(candidate: Candidate) -> Iterator[Problem]:
    """At least three test functions of pytest, beside a conftest.py or where the manifest says, or Zemu's."""
    tree = candidate.tree
    if any(f.endswith((".test.ts", ".test.js")) for f in tree.files):
        return
    folders = {str(PurePosixPath(f).parent) for f in tree.files if f.endswith("conftest.py")}
    folders |= set(_test_folders(candidate)[0].values())
    tests = [
        f for folder in folders for f in tree.under(folder) if _TEST_FILE.fullmatch(PurePosixPath(f).name)
    ]
    count = sum(len(_TEST_FUNCTION.findall(tree.read(path) or "")) for path in set(tests))
    if count < _MIN_TESTS:
        many = f"only {count} test functions" if count else "no functional tests"
        yield Problem(f"the app has {many}", Location(MANIFEST))


@rule(
    "unit-tests",
    Severity.ADVICE,
    reason="Parsers with unit tests are reviewed faster, and fuzzed.",
    source="security requirements, Test requirements: unit tests are strongly recommended",
    fix="test the parser on the PC with cmocka, and name the folder in ledger_app.toml: [unit_tests]",
)
def unit_tests(candidate: Candidate) -> Iterator[Problem]:
    """Tests in C or C++ of the app's own: in the manifest's folder, in one for unit tests, or called so."""
    _, unit = _test_folders(candidate)
    tree = candidate.tree
    named = any(_UNIT_TEST.fullmatch(f) and not in_vendor_folder(f) for f in tree.files)
    built = any(re.search(r"(?:^|/)[^/]*unit[^/]*/(?:.*/)?CMakeLists\.txt$", f) for f in tree.files)
    listed = any(f.endswith(".c") for folder in unit.values() for f in tree.under(folder))
    if not (named or built or listed):
        yield Problem("the app has no unit tests", Location(MANIFEST))


@rule(
    "fuzzing-present",
    Severity.ADVICE,
    reason="What parses bytes from a host is what fuzzers break.",
    source="security requirements, Test requirements: fuzzer with libFuzzer",
    fix="write a LLVMFuzzerTestOneInput for the parser, in fuzzing/",
)
def fuzzing_present(candidate: Candidate) -> Iterator[Problem]:
    """A file with the fuzzer's entry."""
    tree = candidate.tree
    files = (f for f in tree.files if "fuzz" in f.lower() and f.endswith((".c", ".cc", ".cpp")))
    if not any("LLVMFuzzerTestOneInput" in (tree.read(f) or "") for f in files):
        yield Problem("the app has no fuzzer", Location(MANIFEST))


@rule(
    "ci-automated",
    Severity.ADVICE,
    reason="Checks that nobody has to think of are those that run.",
    source="security requirements, Test requirements: automated with GitHub actions",
    fix="run build, tests and this verification on every change",
)
def ci_automated(candidate: Candidate) -> Iterator[Problem]:
    """A workflow, and actions of others pinned to a commit; each action once, where it is used first."""
    tree = candidate.tree
    workflows = [f for f in tree.under(".github/workflows") if f.endswith((".yml", ".yaml"))]
    if not workflows:
        yield Problem("there is no workflow", Location(".github/workflows"))
    places: dict[str, list[Location]] = {}
    for path in workflows:
        for number, line in enumerate((tree.read(path) or "").splitlines(), 1):
            uses = re.search(r"^[^#]*\buses:\s*['\"]?([\w./-]+)@([\w./-]+)", line[:1000])
            if uses and not re.fullmatch(r"[0-9a-f]{40}", uses[2]):
                places.setdefault(f"{uses[1]}@{uses[2]}", []).append(Location(path, number))
    for action, where in places.items():
        count = f" (in {len(where)} places)" * (len(where) > 1)
        yield Problem(f"{action} can change without notice{count}", where[0])


@rule(
    "codeql-workflow",
    Severity.ADVICE,
    reason="CodeQL follows values through functions, which compilers do not.",
    source="security requirements, Automate Security Check with CodeQL",
    fix="add a CodeQL workflow with the queries security-and-quality and a real build",
)
def codeql_workflow(candidate: Candidate) -> Iterator[Problem]:
    """A workflow that runs CodeQL with those queries."""
    tree = candidate.tree
    texts = [tree.read(f) or "" for f in tree.under(".github/workflows")]
    if not any(
        "reusable_codeql_checks" in text or ("codeql-action/init" in text and "security-and-quality" in text)
        for text in texts
    ):
        yield Problem("no workflow runs CodeQL with security-and-quality", Location(".github/workflows"))


@rule(
    "tx-format-documented",
    Severity.WARNING,
    reason="Who reviews a parser must know what it should accept.",
    source="security requirements, Documentation: transaction format and commands",
    fix="describe the commands (CLA, INS, data, answer) and what a transaction looks like in doc/",
)
def tx_format_documented(candidate: Candidate) -> Iterator[Problem]:
    """A document of the app names its commands by CLA, INS, P1, or is the PDF of a specification."""
    for path in candidate.tree.files:
        if in_vendor_folder(path):
            continue
        if _SPECIFICATION.fullmatch(path):
            return
        if not _DOCUMENT.fullmatch(path):
            continue
        if len(set(_COMMAND_WORD.findall(candidate.tree.read(path) or ""))) > 1:
            return
    yield Problem("no document describes the app's commands", Location("doc"))


@rule(
    "readme",
    Severity.ERROR,
    reason="Reviewers and users start there.",
    source="guidelines enforcer, check_readme.sh",
    fix="describe what the app does, how to build it and how to test it",
)
def readme(candidate: Candidate) -> Iterator[Problem]:
    """README.md: there, about this app, long enough to say something."""
    tree = candidate.tree
    text = tree.read("README.md")
    place = Location("README.md")
    if text is None or not text.strip():
        yield Problem("README.md is missing or empty", place)
        return
    for path in ("README.md", "APP_SPECIFICATION.md"):
        content = tree.read(path) or ""
        if (heading := _HEADING.search(content)) and not _TEMPLATE.search(candidate.app.name):
            line = content.count("\n", 0, heading.start()) + 1
            yield Problem("a heading is still the template's", Location(path, line))
    if len(text) < _README_LENGTH:
        yield Problem(f"README.md has {len(text)} characters", place, Severity.ADVICE)
    # "Cardano ADA" is the app of a README that says Cardano.
    name = candidate.app.name.lower()
    if not any(word in text.lower() for word in (name, *_LONG_WORD.findall(name))):
        yield Problem(f"README.md does not mention {candidate.app.name}", place, Severity.ADVICE)


@rule(
    "changelog-version",
    Severity.ERROR,
    reason="A release whose changes nobody wrote down cannot be reviewed as a change.",
    source="guidelines enforcer, check_changelog.sh",
    fix="add an entry '## [M.N.P] - date' for this version at the top",
)
def changelog_version(candidate: Candidate) -> Iterator[Problem]:
    """The newest entry of CHANGELOG.md is for the app's version, and says something."""
    path = next(
        (f for f in candidate.tree.files if re.fullmatch(r"CHANGELOG(?:\.\w+)?", f, re.IGNORECASE)), None
    )
    if path is None:
        yield Problem("there is no CHANGELOG.md", Location("CHANGELOG.md"), Severity.WARNING)
        return
    text = candidate.tree.read(path) or ""
    entries = list(_CHANGELOG_ENTRY.finditer(text))
    if not entries:
        yield Problem("no entry has a version", Location(path))
        return
    line = text.count("\n", 0, entries[0].start()) + 1
    if entries[0][1] != candidate.app.version:
        yield Problem(
            f"the newest entry is for {entries[0][1]}, the app is {candidate.app.version}",
            Location(path, line),
        )
    end = entries[1].start() if len(entries) > 1 else len(text)
    body = text[entries[0].end() : end].partition("\n")[2]
    if not re.search(r"\w", body):
        yield Problem("the newest entry is empty", Location(path, line))


@rule(
    "license-present",
    Severity.ADVICE,
    reason="Without a licence nobody may build what was published.",
    source="release practice",
    fix="add the licence's text as LICENSE",
)
def license_present(candidate: Candidate) -> Iterator[Problem]:
    """A file LICENSE or COPYING with contents."""
    tree = candidate.tree
    files = [f for f in tree.files if re.fullmatch(r"(?:LICEN[CS]E|COPYING)(?:[.-]\w+)?", f, re.IGNORECASE)]
    if not any((tree.read(f) or "").strip() for f in files):
        yield Problem("there is no licence", Location("LICENSE"))


@rule(
    "repo-clean",
    Severity.ERROR,
    reason="What was built from uncommitted files can be built by nobody else.",
    source="release practice; reproducible builds",
    fix="commit everything, and build again",
)
def repo_clean(candidate: Candidate) -> Iterator[Problem]:
    """Built from a commit, without changes to it."""
    if not candidate.provenance.commit:
        yield Problem("the app does not lie in a git repository")
    elif candidate.provenance.dirty:
        yield Problem(f"files differ from commit {candidate.provenance.commit[:12]}")


@rule(
    "mk-not-boilerplate",
    Severity.ERROR,
    reason="An app with the template's name is the template.",
    source="guidelines enforcer, check_makefile.sh",
    fix="give the app its own name and variant",
)
def mk_not_boilerplate(candidate: Candidate) -> Iterator[Problem]:
    """Name and variants are not the template's."""
    if _TEMPLATE.fullmatch(candidate.app.name):
        yield Problem("the app is called like the template", find(candidate, "APPNAME"))
    for variant in words(candidate.app.variables.get("VARIANT_VALUES", "")):
        if variant == "BOL" or _TEMPLATE.fullmatch(variant):
            yield Problem(f"the variant {variant} is the template's", find(candidate, "VARIANT_VALUES"))


@rule(
    "mk-standard-include",
    Severity.WARNING,
    reason="The SDK's makefile for standard apps sets what reviewers rely on.",
    source="guidelines enforcer: Makefile.standard_app",
    fix="include $(BOLOS_SDK)/Makefile.standard_app",
)
def mk_standard_include(candidate: Candidate) -> Iterator[Problem]:
    """Makefile.standard_app is among the makefiles that make read."""
    read = words(candidate.app.variables.get("MAKEFILE_LIST", ""))
    if not any(path.endswith(_WRAPPERS) for path in read):
        yield Problem("make did not read Makefile.standard_app", Location(candidate.makefile))


@rule(
    "mk-mandatory-vars",
    Severity.ERROR,
    reason="Tools that release the app read these variables.",
    source="SDK v25.13.0, Makefile.standard_app; app template",
    fix="set the variable in the Makefile",
)
def mk_mandatory_vars(candidate: Candidate) -> Iterator[Problem]:
    """Version parts and sources are set."""
    variables = candidate.app.variables
    for names in (
        ("APPVERSION_M",),
        ("APPVERSION_N",),
        ("APPVERSION_P",),
        ("APP_SOURCE_PATH", "APP_SOURCE_FILES"),
    ):
        if not any(unquoted(variables.get(name, "")) for name in names):
            yield Problem(f"{' or '.join(names)} is not set", Location(candidate.makefile))


@rule(
    "src-todo-secrets",
    Severity.ERROR,
    reason="A key or a seed in a repository is known to everybody.",
    source="release practice: no credentials in sources",
    fix="remove it, and never use it again",
)
def src_todo_secrets(candidate: Candidate) -> Iterator[Problem]:
    """Private keys, extended private keys and recovery phrases in files outside of tests."""
    for path in candidate.tree.files:
        if re.search(r"(?:^|/)[^/]*(?:test|fuzz|example|sample)[^/]*/", path.lower()):
            continue
        text = candidate.tree.read(path)
        if text is None or "\0" in text[:8000]:
            continue
        for line, what in find_secret(text):
            shipped = path.endswith((".c", ".h", ".mk", "Makefile"))
            if what == TEST_PHRASE and not shipped:
                continue
            severity = Severity.ADVICE if is_for_tools(what) and not shipped else None
            yield Problem(what, Location(path, line), severity)
