"""Too much for the device."""

import dataclasses
from pathlib import Path

from tests.defects.verify.case import fails, passes
from tests.unit.verify.candidates import good, with_elf
from toolchain.image import Section, Segment
from toolchain.verify import Candidate, Severity


def code(folder: Path, size: int) -> Candidate:
    """A candidate with ``size`` bytes of code."""
    candidate = good(folder)
    image = candidate.image
    rest = image.data[image.code_length :]
    segments = (Segment(image.base, bytes(size) + rest),)
    changed = dataclasses.replace(image, segments=segments, code_length=size)
    return dataclasses.replace(candidate, image=changed)


def elsewhere(folder: Path) -> Candidate:
    candidate = good(folder)
    segments = (Segment(candidate.target.flash.origin - 512, candidate.image.data),)
    return dataclasses.replace(candidate, image=dataclasses.replace(candidate.image, segments=segments))


def source(folder: Path, *lines: str, target: str = "nanosp") -> Candidate:
    """An app with a file of these lines."""
    return good(folder, target, files={"src/a.c": "\n".join(lines) + "\n"})


CASES = (
    fails(
        "src-stack-frames", "large", lambda f: source(f, "void f(void) {", "char a[4100];", "}"), "src/a.c:1"
    ),
    fails(
        "src-stack-frames",
        "large for Nano S",
        lambda f: source(f, "void f(void) { char a[600], b[600]; }", target="nanos"),
        "src/a.c:1",
    ),
    passes("src-stack-frames", "static", lambda f: source(f, "void f(void) { static char a[9000]; }")),
    passes("src-stack-frames", "4 KiB", lambda f: source(f, "void f(void) { char a[4096]; }")),
    fails(
        "src-stack-frames", "open", lambda f: source(f, "void f(int n) {", "  char a[n];", "}"), "src/a.c:2"
    ),
    fails(
        "src-stack-frames",
        "recursion",
        lambda f: source(
            f, "void g(int a);", "void f(int a) { g(a); }", "void g(int a) { if (a > 1) f(a); }"
        ),
        "src/a.c:2",
    ),
    fails(
        "src-stack-frames",
        "recursion of a library",
        lambda f: good(f, files={"src/vendor/a.c": "void f(int a) { f(a); }\n"}),
        "src/vendor/a.c:1",
        Severity.ADVICE,
    ),
    passes(
        "src-stack-frames",
        "recursion with a limit",
        lambda f: source(f, "void f(int depth) { if (depth < 4) f(depth + 1); }"),
    ),
    passes(
        "src-stack-frames",
        "recursion that a constant ends",
        lambda f: source(f, "void f(int kind) { if (kind == 3) f(2); }"),
    ),
    fails(
        "src-stack-frames",
        "recursion with the same constant",
        lambda f: source(f, "void f(int kind) { if (kind == 3) f(3); }"),
        "src/a.c:1",
    ),
    fails(
        "src-stack-frames",
        "a constant for what is not tested",
        lambda f: source(f, "void f(int kind, int b) { if (kind == 3) f(kind, 2); }"),
        "src/a.c:1",
    ),
    passes(
        "src-stack-frames",
        "recursion that a buffer ends",
        lambda f: source(f, "void f(char *to) { char here[4]; if (to == NULL) f(here); }"),
    ),
    passes(
        "src-stack-frames",
        "recursion through what ends the app",
        lambda f: source(
            f,
            "void end(void);",
            "void f(int a) { if (a) end(); }",
            "void end(void) { f(1); os_sched_exit(0); }",
        ),
    ),
    passes(
        "src-stack-frames",
        "recursion that a switch ends",
        lambda f: source(f, "static int on;", "void f(int a) { if (on) { on = 0; f(a); } else { on = a; } }"),
    ),
    fails(
        "src-stack-frames",
        "a switch in front of one of two calls",
        lambda f: source(f, "static int on;", "void f(int a) { if (on) { on = 0; f(a); } else { f(1); } }"),
        "src/a.c:2",
    ),
    fails(
        "src-stack-frames",
        "a switch of its own",
        lambda f: source(f, "void f(int a) { if (a) { a = 0; f(1); } }"),
        "src/a.c:1",
    ),
    passes(
        "src-stack-frames",
        "messages in messages",
        lambda f: good(f, files={"src/pb_decode.c": "void f(int a) { f(a); }\n"}),
    ),
    passes(
        "src-stack-frames",
        "calls what calls itself with a limit",
        lambda f: source(f, "void g(int depth) { if (depth < 4) g(depth + 1); }", "void f(void) { g(0); }"),
    ),
    fails(
        "src-stack-frames",
        "a chain",
        lambda f: with_elf(
            source(f, "void g(void) { char a[3000]; }", "", "void f(void) { char a[3000]; g(); }"),
            stack_size=7000,
        ),
        "src/a.c:3",
    ),
    passes(
        "src-stack-frames",
        "one behind the other",
        lambda f: with_elf(
            source(
                f,
                "void g(void) { char a[3000]; }",
                "void h(void) { char a[3000]; }",
                "void f(void) { g(); h(); }",
            ),
            stack_size=7000,
        ),
    ),
    fails("elf-flash-budget", "too large", lambda f: code(f, 400 * 1024), ""),
    fails("elf-flash-budget", "elsewhere", elsewhere, ""),
    fails("elf-flash-budget", "half of the flash", lambda f: code(f, 200 * 1024), "", Severity.WARNING),
    passes("elf-flash-budget", "less than half", lambda f: code(f, 199 * 1024 - 512)),
    fails("elf-ram-budget", "too large", lambda f: with_elf(good(f), bss_size=0xA000), ""),
    fails("elf-ram-budget", "outside", lambda f: with_elf(good(f), symbols={"_estack": 0x20000000}), ""),
    passes(
        "elf-ram-budget", "all of it", lambda f: with_elf(good(f), bss_size=0xA000 - 4000, stack_size=4000)
    ),
    fails("elf-stack-budget", "under the minimum", lambda f: with_elf(good(f), stack_size=1499), "Makefile"),
    fails(
        "elf-stack-budget",
        "a large buffer",
        lambda f: with_elf(good(f), stack_size=2516),
        "",
        Severity.WARNING,
    ),
    passes("elf-stack-budget", "twice the minimum", lambda f: with_elf(good(f), stack_size=3000)),
    passes("elf-stack-budget", "Nano S", lambda f: with_elf(good(f, "nanos"), stack_size=1024)),
    fails("elf-data-empty", "a symbol says so", lambda f: with_elf(good(f), symbols={"_edata": 4}), ""),
    fails(
        "elf-data-empty",
        "a section does",
        lambda f: with_elf(good(f), sections=(Section(".data", 0xDA7A0000, 4, 3),)),
        "",
    ),
    passes("elf-data-empty", "none", good),
)
