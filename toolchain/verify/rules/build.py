"""No warning, and none silenced."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from toolchain.diagnostic import Defect, Diagnostic
from toolchain.verify.code import app_commands
from toolchain.verify.makefile import find, lines, words
from toolchain.verify.model import Candidate, Location, Problem, Root, Severity, Step, rule

_SDK_SILENCES = frozenset(
    {
        "-Wno-main",
        "-Wno-error=int-conversion",
        "-Wno-implicit-function-declaration",
        "-Wno-unused-command-line-argument",
    }
)
"""What the SDK itself switches off (Makefile.defines of v22 to v26.5.1)."""

_DEMANDED = (
    "-Wall",
    "-Wextra",
    "-Wvla",
    "-Wundef",
    "-Wshadow",
    "-Wformat=2",
    "-Wformat-security",
    "-Wwrite-strings",
    "-Wimplicit-fallthrough",
)
"""What every SDK switches on (Makefile.defines of lns-2.1.0-v24.0 to v26.5.1)."""

_SILENCE = re.compile(r"-w|--no-warnings|-Wno-.+|-isystem.*|--system-header-prefix.*|-Qunused-arguments")
_RECIPE = re.compile(r"(?:overriding|ignoring old) (?:recipe|commands) for target ['`\u2018](.+)['\u2019]")
_PROTECTED = re.compile(r"(?:all|default|scan-build|listinfo|(?:.*/)?app\.(?:elf|hex|apdu|sha256)|.*\.o)")
_SINGLE_FILE = re.compile(r"[^\s#=:][^#=:]*:\s*(?:override\s+|private\s+)*(?:CFLAGS|DEFINES|CC)\s*[+:?]*=")


def _place(diagnostic: Diagnostic) -> Location | None:
    return _location(diagnostic) if diagnostic.path else None


def _location(diagnostic: Diagnostic) -> Location:
    root: Root = "sdk" if diagnostic.origin == "sdk" else "app"
    return Location(diagnostic.path, diagnostic.line, diagnostic.column, root)


@rule(
    "build-no-warnings",
    Severity.ERROR,
    reason="Warnings hide the one that is a vulnerability; an app with any is not signed.",
    source="security requirements, Avoid Warnings during compilation",
    fix="change the code so that the compiler has nothing to say",
)
def build_no_warnings(candidate: Candidate) -> Iterator[Problem]:
    """Warnings of compiler, assembler and linker, whose ever the source is."""
    for diagnostic in candidate.diagnostics:
        if diagnostic.tool != "make" and diagnostic.level != "note":
            whose = "" if diagnostic.origin == "app" else f" (in {diagnostic.origin} code)"
            yield Problem(f"{_text(diagnostic)}{whose}", _place(diagnostic))


@rule(
    "build-no-tool-warnings",
    Severity.WARNING,
    reason="What make and the SDK's tools complain about is usually a file taken twice, or not at all.",
    source="SDK v25.13.0, Makefile.rules: notice of duplicate files; GNU make",
    fix="remove the second definition, or the file that shadows another",
)
def build_no_tool_warnings(candidate: Candidate) -> Iterator[Problem]:
    """Warnings of make, but for those that the next rule reports."""
    for diagnostic in candidate.diagnostics:
        match = _RECIPE.search(diagnostic.message)
        if diagnostic.tool == "make" and not (match and _PROTECTED.fullmatch(match[1])):
            yield Problem(diagnostic.message, _place(diagnostic))


@rule(
    "mk-no-recipe-override",
    Severity.ERROR,
    reason="An app that replaces the recipe that builds or analyses it can show one thing and ship another.",
    source="SDK v25.13.0, Makefile.rules_generic: recipes of the products and of scan-build",
    fix="remove the target from the app's makefile",
)
def mk_no_recipe_override(candidate: Candidate) -> Iterator[Problem]:
    """Recipes of the SDK that make says the app overrides."""
    for diagnostic in candidate.diagnostics:
        match = _RECIPE.search(diagnostic.message)
        if diagnostic.tool == "make" and match and _PROTECTED.fullmatch(match[1]):
            yield Problem(f"the app replaces the SDK's recipe for {match[1]}", _place(diagnostic))


@rule(
    "warn-not-disabled-makefile",
    Severity.ERROR,
    reason="A warning that is switched off is a warning that was there.",
    source="security requirements, Avoid Warnings during compilation: none is disabled on purpose",
    fix="remove the flag, and change the code that it hides",
)
def warn_not_disabled_makefile(candidate: Candidate) -> Iterator[Problem]:
    """Compiler flags that silence warnings, or that lost the SDK's own."""
    if "CFLAGS" not in candidate.app.variables:
        yield Problem("the build did not record CFLAGS, so nobody knows what was silenced")
        return
    flags = words(candidate.app.variables["CFLAGS"])
    for index, flag in enumerate(flags):
        if not _SILENCE.fullmatch(flag) or flag in _SDK_SILENCES:
            continue
        again = flag.replace("-Wno-", "-W", 1) in flags[index + 1 :]
        yield Problem(
            f"{flag} switches warnings off" + (", though a later flag switches them on again" * again),
            find(candidate, flag),
            Severity.WARNING if again else None,
        )
    for flag in _DEMANDED:
        if flag not in flags:
            yield Problem(f"the SDK's {flag} is gone from CFLAGS", find(candidate, "CFLAGS"))
    for path, command in app_commands(candidate):
        for flag in command.arguments:
            if _SILENCE.fullmatch(flag) and flag not in _SDK_SILENCES and flag not in flags:
                yield Problem(f"{flag} switches warnings off in this file", Location(path))
    for line in lines(candidate):
        if _SINGLE_FILE.match(line.code):
            yield Problem("flags for single files are seen by nobody who checks CFLAGS", line.location)


@rule(
    "static-analyzer-clean",
    Severity.ERROR,
    reason="The analyzer follows paths through the code that no test takes; what it finds there is a bug.",
    source="security requirements, Static Code Analysis: scan-build is clean; "
    "SDK v25.13.0, Makefile.rules_generic: its checkers",
    fix="make the path that the notes describe impossible, or handle it",
)
def static_analyzer_clean(candidate: Candidate) -> Iterator[Problem]:
    """Defects that the Clang Static Analyzer finds with the commands of this build; in SDK code a warning."""
    if candidate.analyzer is None:
        yield Problem("the static analyzer did not run, so nobody knows what it would find")
        return
    for defect in candidate.analyzer():
        severity = Severity.WARNING if defect.at.origin == "sdk" else None
        yield Problem(_text(defect.at), _place(defect.at), severity, trace=_trace(defect))


def _text(diagnostic: Diagnostic) -> str:
    return diagnostic.message + (f" [{diagnostic.flag}]" if diagnostic.flag else "")


def _trace(defect: Defect) -> tuple[Step, ...]:
    """The way to a defect; one of a single step is the place itself."""
    return tuple(Step(note.message, _location(note)) for note in defect.trace if defect.trace[1:])


@rule(
    "sdk-latest-scan",
    Severity.ADVICE,
    reason="The next release is built with a newer SDK; what it finds is cheaper to mend before.",
    source="ledger-app-workflows, _check_clang_static_analyzer_latest_sdk.yml",
    fix="change the code so that both SDKs have nothing to say",
)
def sdk_latest_scan(candidate: Candidate) -> Iterator[Problem]:
    """With the other SDK that ``--also-sdk`` names, the app builds without a warning and a defect."""
    trial = candidate.trial
    if trial is None:
        return
    if trial.error:
        yield Problem(f"the app does not build with {trial.sdk}: {trial.error}", Location(candidate.makefile))
        return
    for diagnostic in trial.diagnostics:
        if diagnostic.origin != "sdk" and diagnostic.level != "note":
            yield Problem(f"with {trial.sdk}: {_text(diagnostic)}", _place(diagnostic))
    for defect in trial.analyzer():
        if defect.at.origin != "sdk":
            yield Problem(f"with {trial.sdk}: {_text(defect.at)}", _place(defect.at), trace=_trace(defect))


@rule(
    "no-prebuilt-objects",
    Severity.ERROR,
    reason="An object without source is code that nobody reviewed.",
    source="security requirements, Perform Manual Code Reviews",
    fix="link what this build compiled, and libraries of the SDK",
)
def no_prebuilt_objects(candidate: Candidate) -> Iterator[Problem]:
    """Inputs of the link: made by a command of this build, or outside of the app."""
    root = os.path.realpath(candidate.sources)
    made = {os.path.realpath(Path(c.directory, c.output)) for c in candidate.commands}
    for command in candidate.commands:
        for word in command.arguments if not command.file else ():
            path = os.path.realpath(Path(command.directory, word))
            if word.endswith((".o", ".a", ".obj")) and path not in made and path.startswith(root + "/"):
                yield Problem(
                    "an object that was not compiled is linked", Location(os.path.relpath(path, root))
                )


@rule(
    "elf-pic",
    Severity.ERROR,
    reason="Code that is not position independent jumps to where the app is not.",
    source="SDK v25.13.0, Makefile.defines: -fropi, -frwpi, -fno-jump-tables",
    fix="do not override CFLAGS; add to them",
)
def elf_pic(candidate: Candidate) -> Iterator[Problem]:
    """The flags for position independence, in CFLAGS and in every command that compiled a file of the app."""
    needed = ("-fropi", *(("-frwpi",) if candidate.target.rwpi else ()))
    flags = words(candidate.app.variables.get("CFLAGS", ""))
    for flag in needed:
        if flag not in flags:
            yield Problem(f"{flag} is gone from CFLAGS", find(candidate, "CFLAGS"))
        for path, command in app_commands(candidate):
            if path.endswith(".c") and flag not in command.arguments:
                yield Problem(f"the file was compiled without {flag}", Location(path))
