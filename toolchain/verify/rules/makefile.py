"""What the makefile switches on and off."""

import re
from collections.abc import Iterator

from toolchain.verify.makefile import (
    Line,
    defines,
    find,
    lines,
    own_variant,
    unquoted,
    variants,
    whole_lines,
    words,
)
from toolchain.verify.model import Candidate, Problem, Severity, rule

_DEBUG_DEFINES = frozenset(
    {
        "DEBUG_OS_STACK_CONSUMPTION",
        "HAVE_CDCUSB",
        "HAVE_DEBUG_THROWS",
        "HAVE_LEDGER_ASSERT_DISPLAY",
        "HAVE_PRINTF",
        "HAVE_PRINTF_CDC",
        "HAVE_SEMIHOSTED_PRINTF",
        "LEDGER_ASSERT_CONFIG_FILE_INFO",
        "MEMORY_PROFILING",
    }
)
"""SDK v25.13.0, Makefile.standard_app and Makefile.target."""

_OFF = frozenset({"", "0"})

_TEST_SWITCH = re.compile(
    r"(?:.*_)?(?:TESTING|TEST|STAGING|BYPASS|FAKE|MOCK|SPECULOS|EMULATOR|ZEMU|DEVEL|HEADLESS|NO_CHECK|NOCHECK"
    r"|UNSAFE|INSECURE|DEMO)(?:_.*)?",
    re.IGNORECASE,
)

_DEPRECATED = {
    "APP_LOAD_PARAMS": "CUSTOM_APP_FLAGS, CURVE_APP_LOAD_PARAMS and PATH_APP_LOAD_PARAMS",
    "APP_STACK_SIZE": "APP_STACK_MIN_SIZE",
    "ENABLE_PENDING_REVIEW_SCREEN": "HAVE_APPLICATION_FLAG_NOT_REVIEWED",
    "GLYPH_SRC_DIR": "the folder glyphs/",
    "HAVE_BOLOS_UX": "nothing: the operating system has its own interface",
    "HAVE_LEGACY_PID": "nothing",
    "IO_SEPROXYHAL_BUFFER_SIZE_B": "nothing: the SDK sets it",
    "SCRIPT_LD": "the SDK's linker script",
}
"""SDK v25.13.0, Makefile.rules_generic, Makefile.glyphs and Makefile.standard_app."""

_PRINTS_VARIANTS = re.compile(r"\t@?echo\s+[\"']?VARIANTS\s+\w+\s+([^\"']+)[\"']?")
"""The recipe of listvariants."""

_MAX_NAMED = 10
"""Variants that a message names."""

_CALLER = r"MAKECMDGOALS|MAKEFLAGS|USER|LOGNAME|HOSTNAME|HOME|CI|GITHUB_\w+|GITLAB_\w+"
_ASKS = re.compile(
    rf"\$[({{](?P<name>{_CALLER})[)}}]|\bifn?def\s+(?P<defined>{_CALLER})\b"
    r"|\$[({]shell\s+(?P<program>date|hostname|whoami|id|uname)\b"
)
"""What differs from one caller of make to the next."""

_READ = re.compile(r"\$[({](\w+)[)}]|\bifn?def\s+(\w+)")
_CONDITION = re.compile(r"\s*(?P<other>else\b\s*)?(?P<test>ifn?(?:eq|def)\b.*)?")
_COUNTS = re.compile(
    r"APPNAME|APPVERSION\w*|DEFINES|CFLAGS|LDFLAGS|LDLIBS|APP_SOURCE_\w+|\w*APP_LOAD_PARAMS|CUSTOM_APP_FLAGS"
    r"|APP_STACK_\w+|SCRIPT_LD|(?:HAVE_APPLICATION_FLAG|ENABLE|DISABLE|ICON)_\w+"
)
"""Variables that change the image, or what it may do. Where the SDK lies is always the caller's to say."""

_RUNS = re.compile(r"\$[({]shell\s(.*)|^\s*\w+\s*!=(.*)")
_REACHES_OUT = re.compile(
    r"\b(?:curl|wget|npm|yarn|pip3?\s+install|apt(?:-get)?\s+install)\b"
    r"|\bgit\s+(?:-\S+\s+\S+\s+)?(?:clone|fetch|pull|checkout|apply|submodule\s+\w+)\b|\bsed\s+-i"
)


@rule(
    "mk-no-debug",
    Severity.ERROR,
    reason="A debug build prints what it should keep, and is not what was tested.",
    source="guidelines enforcer, forbidden flags; SDK v25.13.0, Makefile.standard_app: DEBUG",
    fix="comment the switch out, and pass DEBUG=1 on the command line while developing",
)
def mk_no_debug(candidate: Candidate) -> Iterator[Problem]:
    """Debug switches, their macros, and the optimisation of a debug build."""
    variables = candidate.app.variables
    for name in ("DEBUG", "DEBUG_OVER_USB", "DEBUG_OS_STACK_CONSUMPTION"):
        if variables.get(name, "").strip() not in _OFF:
            yield Problem(f"{name} = {variables[name].strip()}", find(candidate, name))
    if variables.get("PRODUCTION_BUILD", "").strip() == "0":
        yield Problem("PRODUCTION_BUILD = 0", find(candidate, "PRODUCTION_BUILD"))
    macros = defines(candidate)
    for name in sorted(macros.keys() & _DEBUG_DEFINES):
        yield Problem(f"the macro {name} is defined", find(candidate, name))
    printf = [(name, value) for name, value in macros.items() if re.fullmatch(r"PRINTF(\(.*\))?", name)]
    if printf not in ([], [("PRINTF(...)", "")]):
        yield Problem("PRINTF is not the empty macro PRINTF(...)=", find(candidate, "PRINTF"))
    flags = words(variables.get("CFLAGS", ""))
    levels = [flag for flag in flags if re.fullmatch(r"-O.?", flag)]
    if levels and levels[-1] not in ("-Oz", "-Os"):
        yield Problem(f"the code is optimised with {levels[-1]}, not -Oz", find(candidate, levels[-1]))
    debug_levels = [flag for flag in flags if re.fullmatch(r"-g\w*", flag)]
    if debug_levels and debug_levels[-1] != "-g0":
        yield Problem(
            f"the code carries debug information ({debug_levels[-1]})", find(candidate, debug_levels[-1])
        )


@rule(
    "mk-no-test-switches",
    Severity.ERROR,
    reason="Test keys and bypassed checks in a release are a back door.",
    source="rule catalogue: switches seen in public apps",
    fix="define the switch on the command line of test builds only",
)
def mk_no_test_switches(candidate: Candidate) -> Iterator[Problem]:
    """Macros, and ENABLE_TESTING_SWAP, whose names say that they are for tests."""
    names = {name for name in defines(candidate) if _TEST_SWITCH.fullmatch(name)}
    if candidate.app.variables.get("ENABLE_TESTING_SWAP", "").strip() == "1":
        names.add("ENABLE_TESTING_SWAP")
    for name in sorted(names):
        yield Problem(f"{name} is set in a release", find(candidate, name))


@rule(
    "mk-no-deprecated",
    Severity.WARNING,
    reason="Settings that the SDK no longer reads, or warns about, do not do what they say.",
    source="SDK v25.13.0, Makefile.rules_generic, Makefile.glyphs, Makefile.app_params",
    fix="use what replaced it",
)
def mk_no_deprecated(candidate: Candidate) -> Iterator[Problem]:
    """Deprecated variables and macros, where the app's own makefile sets them."""
    for name, instead in _DEPRECATED.items():
        place = find(candidate, name)
        if place.line and (name in candidate.app.variables or name in defines(candidate)):
            yield Problem(f"{name} is deprecated", place, fix=f"use {instead}")


@rule(
    "mk-variants",
    Severity.WARNING,
    reason="Release tools build each variant by its name; without a list they build the default only.",
    source="SDK v25.13.0, Makefile.standard_app: listvariants",
    fix='set VARIANT_PARAM and VARIANT_VALUES, for example "COIN" and the ticker',
)
def mk_variants(candidate: Candidate) -> Iterator[Problem]:
    """VARIANT_PARAM and VARIANT_VALUES: there, well formed, unique."""
    variables, printed = candidate.app.variables, _printed(candidate)
    values = words(variables.get("VARIANT_VALUES", "")) or printed
    place = find(candidate, "VARIANT_VALUES")
    if not (unquoted(variables.get("VARIANT_PARAM", "")) or printed) or not values:
        yield Problem("the makefile declares no variants", place)
    for value in values:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", value):
            yield Problem(f"the variant {value!r} has characters that file names cannot carry", place)
    if len(set(values)) != len(values):
        yield Problem("a variant is listed twice", place)


def _printed(candidate: Candidate) -> list[str]:
    """The list in a recipe: makefiles older than the SDK's for standard apps print it themselves."""
    printed = next((m for line in lines(candidate) if (m := _PRINTS_VARIANTS.fullmatch(line.code))), None)
    return printed[1].split() if printed else []


@rule(
    "variants-all-built",
    Severity.ERROR,
    reason="A variant that nobody built is an app that nobody checked.",
    source="SDK v25.13.0, Makefile.standard_app: listvariants; app database: an entry for each variant",
    fix="run ./inv verify --variants, and mend what the variant breaks",
)
def variants_all_built(candidate: Candidate) -> Iterator[Problem]:
    """Each variant that the makefile lists was built for this target, and passed the policy."""
    if candidate.variant:
        return  # one of the others: the makefile's own choice answers for all
    place, variables, printed = (
        find(candidate, "VARIANT_VALUES"),
        candidate.app.variables,
        _printed(candidate),
    )
    if printed[1:] and not variants(variables):
        fix = "set VARIANT_PARAM and VARIANT_VALUES, so that each can be built by its name"
        yield Problem(f"{len(printed)} variants are printed, but nobody can ask for them", place, None, fix)
    own = own_variant(variables)
    listed = [name for name in variants(variables) if name != own]
    if missing := [name for name in listed if name not in candidate.variants]:
        names = ", ".join(missing[:_MAX_NAMED]) + ", …" * (len(missing) > _MAX_NAMED)
        yield Problem(f"{len(missing)} variants were not built: {names}", place)
    for name in listed:
        if problem := candidate.variants.get(name):
            yield Problem(f"the variant {name}: {problem}", place)


@rule(
    "mk-goal-independent",
    Severity.ERROR,
    reason="A makefile that asks who calls it can show one app to the reviewer and build another.",
    source="security requirements, Perform Manual Code Reviews; GNU make, MAKECMDGOALS",
    fix="assign the variable in the same way for every goal and every caller",
)
def mk_goal_independent(candidate: Candidate) -> Iterator[Problem]:
    """Nothing that makes the image depends on the goal, the user, the machine, its clock, or CI."""
    tainted: dict[str, str] = {}
    for _ in range(2):  # what is read may be assigned in a file that is sorted behind
        found = list(_asking(candidate, tainted))
    for line, name, why in found:
        if _COUNTS.fullmatch(name):
            yield Problem(f"{name} depends on {why}", line.location)


def _asking(candidate: Candidate, tainted: dict[str, str]) -> Iterator[tuple[Line, str, str]]:
    """Assignments that depend on the caller, and on what; ``tainted`` learns the variables."""
    conditions: list[str] = []
    path = ""
    for line in whole_lines(candidate):
        if line.path != path:
            path, conditions = line.path, []
        match = _CONDITION.match(line.code)
        if match and match["test"]:
            why = _why(match["test"], tainted)
            if not match["other"]:
                conditions.append(why)
            elif conditions:
                conditions[-1] = conditions[-1] or why
        elif line.code.strip() == "endif" and conditions:
            conditions.pop()
        elif line.assignment:
            name, value = line.assignment
            why = _why(value, tainted) or next(filter(None, conditions), "")
            if why and name != "BOLOS_SDK":
                tainted.setdefault(name, why)
                yield line, name, why


def _why(text: str, tainted: dict[str, str]) -> str:
    """What a makefile's text reads of its caller, empty if nothing."""
    if match := _ASKS.search(text):
        return next(word for word in match.groups() if word)
    names = (name for pair in _READ.findall(text) for name in pair if name in tainted)
    return next((tainted[name] for name in names), "")


@rule(
    "mk-no-side-effects",
    Severity.WARNING,
    reason="Who only asks for the app's name must not fetch anything, or change what is checked.",
    source="GNU make: $(shell …) runs whenever the makefile is read",
    fix="do it in a recipe, or before make; pin what is fetched as a submodule",
)
def mk_no_side_effects(candidate: Candidate) -> Iterator[Problem]:
    """Programs that make runs while it reads the makefile: none uses the network or changes sources."""
    for line in whole_lines(candidate):
        run = None if line.code.startswith("\t") else _RUNS.search(line.code)
        if run and (match := _REACHES_OUT.search(run[1] or run[2] or "")):
            yield Problem(f"reading the makefile runs {match[0]}", line.location)
