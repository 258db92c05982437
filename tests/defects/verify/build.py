"""Warnings, and ways to silence them."""

import dataclasses
from pathlib import Path

from tests.defects.verify.case import fails, passes
from tests.unit.verify.candidates import CFLAGS, MAKEFILE, good, with_commands, with_diagnostics
from toolchain.diagnostic import Defect, Diagnostic
from toolchain.verify import Candidate, Severity, Trial

WARNING = Diagnostic("src/main.c", 12, 5, "warning", "unused function 'f'", "-Wunused-function", "app")
NOTE = Diagnostic("src/main.c", 12, 5, "note", "declared here", "", "app")
SDK = Diagnostic("src/os.c", 3, 1, "warning", "unused variable 'x'", "-Wunused-variable", "sdk")
LINKER = Diagnostic("", 0, 0, "warning", "cannot find entry symbol", "", "app", "linker")
OVERRIDE = Diagnostic(
    "Makefile", 20, 0, "warning", "overriding recipe for target 'scan-build'", "", "app", "make"
)
HARMLESS = Diagnostic(
    "Makefile", 20, 0, "warning", "overriding recipe for target 'listvariants'", "", "app", "make"
)


def cflags(folder: Path, flags: str, line: str = "") -> Candidate:
    return good(folder, variables={"CFLAGS": flags}, makefile=f"{MAKEFILE}{line}\n")


def unrecorded(folder: Path) -> Candidate:
    candidate = good(folder)
    assert isinstance(candidate.app.variables, dict)
    del candidate.app.variables["CFLAGS"]
    return candidate


def analysed(folder: Path, *defects: Defect) -> Candidate:
    return dataclasses.replace(good(folder), analyzer=lambda: defects)


def tried(folder: Path, *said: Diagnostic, error: str = "", defects: tuple[Defect, ...] = ()) -> Candidate:
    """Built with another SDK as well."""
    return dataclasses.replace(good(folder), trial=Trial("sdk v26", error, said, lambda: defects))


NULL = Defect(
    Diagnostic("src/main.c", 9, 3, "warning", "null pointer", "core.NullDereference", "app", "analyzer"),
    (Diagnostic("src/main.c", 7, 1, "note", "assuming x is 0", "", "app", "analyzer"),),
)
IN_SDK = Defect(dataclasses.replace(NULL.at, path="include/a.h", origin="sdk"))
UNREAD = Defect(Diagnostic("src/a.c", 0, 0, "error", "cannot read", "", "app", "analyzer"))

CASES = (
    fails("static-analyzer-clean", "a bug", lambda f: analysed(f, NULL), "src/main.c:9:3"),
    fails(
        "static-analyzer-clean",
        "in the SDK",
        lambda f: analysed(f, IN_SDK),
        "sdk: include/a.h:9:3",
        Severity.WARNING,
    ),
    fails("static-analyzer-clean", "a file that was not read", lambda f: analysed(f, UNREAD), "src/a.c"),
    fails(
        "static-analyzer-clean",
        "it did not run",
        lambda f: dataclasses.replace(good(f), analyzer=None),
        "",
    ),
    passes("static-analyzer-clean", "nothing found", analysed),
    fails("sdk-latest-scan", "does not build", lambda f: tried(f, error="no such file"), "Makefile"),
    fails("sdk-latest-scan", "a warning", lambda f: tried(f, WARNING), "src/main.c:12:5"),
    fails("sdk-latest-scan", "a defect", lambda f: tried(f, defects=(NULL,)), "src/main.c:9:3"),
    passes("sdk-latest-scan", "of that SDK", lambda f: tried(f, SDK, NOTE, defects=(IN_SDK,))),
    passes("sdk-latest-scan", "nothing found", tried),
    passes("sdk-latest-scan", "not asked for", good),
    fails("build-no-warnings", "in the app", lambda f: with_diagnostics(good(f), WARNING), "src/main.c:12:5"),
    fails("build-no-warnings", "in the SDK", lambda f: with_diagnostics(good(f), SDK), "sdk: src/os.c:3:1"),
    fails("build-no-warnings", "of the linker", lambda f: with_diagnostics(good(f), LINKER), ""),
    passes("build-no-warnings", "a note", lambda f: with_diagnostics(good(f), NOTE)),
    fails("build-no-tool-warnings", "of make", lambda f: with_diagnostics(good(f), HARMLESS), "Makefile:20"),
    passes("build-no-tool-warnings", "of the compiler", lambda f: with_diagnostics(good(f), WARNING)),
    fails("mk-no-recipe-override", "scan", lambda f: with_diagnostics(good(f), OVERRIDE), "Makefile:20"),
    passes("mk-no-recipe-override", "another target", lambda f: with_diagnostics(good(f), HARMLESS)),
    fails(
        "warn-not-disabled-makefile",
        "all warnings",
        lambda f: cflags(f, f"{CFLAGS} -w", "CFLAGS += -w"),
        "Makefile:16",
    ),
    fails(
        "warn-not-disabled-makefile",
        "one warning",
        lambda f: cflags(f, f"{CFLAGS} -Wno-unused-function", "CFLAGS += -Wno-unused-function"),
        "Makefile:16",
    ),
    fails(
        "warn-not-disabled-makefile",
        "no longer errors",
        lambda f: cflags(f, f"{CFLAGS} -Wno-error", "CFLAGS += -Wno-error"),
        "Makefile:16",
    ),
    fails(
        "warn-not-disabled-makefile",
        "switched on again",
        lambda f: cflags(f, f"-Wno-vla {CFLAGS}", "CFLAGS += -Wno-vla"),
        "Makefile:16",
        Severity.WARNING,
    ),
    fails(
        "warn-not-disabled-makefile",
        "the app's headers as the system's",
        lambda f: cflags(f, f"{CFLAGS} -isystem src", "CFLAGS += -isystem src"),
        "Makefile:16",
    ),
    fails(
        "warn-not-disabled-makefile",
        "the SDK's flags thrown away",
        lambda f: cflags(f, "-Oz", "CFLAGS = -Oz"),
        "Makefile:16",
    ),
    fails(
        "warn-not-disabled-makefile",
        "for a single file",
        lambda f: cflags(f, CFLAGS, "build/obj/app/main.o: CFLAGS += -w"),
        "Makefile:16",
    ),
    fails("warn-not-disabled-makefile", "nobody knows", unrecorded, ""),
    fails(
        "warn-not-disabled-makefile",
        "in the command alone",
        lambda f: with_commands(good(f), ("src/main.c", f"{CFLAGS} -w -c src/main.c")),
        "src/main.c",
    ),
    passes(
        "warn-not-disabled-makefile",
        "in a file of the SDK",
        lambda f: with_commands(good(f), ("/sdk/os.c", f"{CFLAGS} -w -c /sdk/os.c")),
    ),
    fails(
        "no-prebuilt-objects",
        "an object",
        lambda f: with_commands(good(f), ("", "-o build/app.elf build/src/main.c.o blob/secp.o")),
        "blob/secp.o",
    ),
    passes(
        "no-prebuilt-objects",
        "compiled here",
        lambda f: with_commands(
            good(f), ("src/main.c", CFLAGS), ("", "-o build/app.elf build/src/main.c.o /sdk/lib/libc.a -lm")
        ),
    ),
    fails(
        "elf-pic", "CFLAGS", lambda f: cflags(f, CFLAGS.replace("-fropi", ""), "CFLAGS = -O2"), "Makefile:16"
    ),
    fails(
        "elf-pic",
        "a command",
        lambda f: with_commands(good(f), ("src/main.c", CFLAGS.replace("-frwpi", ""))),
        "src/main.c",
    ),
    passes("elf-pic", "every command", lambda f: with_commands(good(f), ("src/main.c", CFLAGS))),
    passes(
        "elf-pic",
        "Nano S",
        lambda f: good(f, "nanos", variables={"CFLAGS": CFLAGS.replace("-frwpi", "")}),
    ),
    passes("warn-not-disabled-makefile", "in a comment", lambda f: cflags(f, CFLAGS, "# CFLAGS += -w")),
    passes("warn-not-disabled-makefile", "more warnings", lambda f: cflags(f, f"{CFLAGS} -Wpedantic")),
)
