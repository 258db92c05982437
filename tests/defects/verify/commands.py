"""Data of commands that is used before anyone knows that it is there."""

from pathlib import Path

from tests.defects.verify.case import fails, passes
from tests.unit.verify.candidates import good
from toolchain.verify import Candidate


def handler(folder: Path, *lines: str) -> Candidate:
    """An app with a handler of these lines, the first of which is line 2."""
    text = "\n".join(("int handle(const command_t *cmd) {", *lines, "}"))
    return good(folder, files={"src/a.c": f"{text}\n"})


def file(folder: Path, *lines: str) -> Candidate:
    return good(folder, files={"src/a.c": "\n".join(lines) + "\n"})


RULE = "src-apdu-length-checked"
GET = "static int get(const command_t *cmd) { return cmd->data[3]; }"

CASES = (
    fails(RULE, "not at all", lambda f: handler(f, "return cmd->data[3];"), "src/a.c:2"),
    fails(
        RULE,
        "too late",
        lambda f: handler(f, "int a = cmd->data[3];", "return cmd->lc < 4 ? 0 : a;"),
        "src/a.c:2",
    ),
    fails(
        RULE,
        "only whether there is any",
        lambda f: handler(f, "if (cmd->lc == 0) return 0;", "return cmd->data[3];"),
        "src/a.c:3",
    ),
    fails(
        RULE,
        "in the buffer",
        lambda f: file(f, "", "int get(void) { return G_io_apdu_buffer[7]; }"),
        "src/a.c:2",
    ),
    fails(
        RULE,
        "a caller that does not either",
        lambda f: file(f, GET, "int f(const command_t *cmd) { return get(cmd); }"),
        "src/a.c:1",
    ),
    passes(RULE, "first", lambda f: handler(f, "if (cmd->lc != 4) return 0;", "return cmd->data[3];")),
    passes(
        RULE,
        "by the caller",
        lambda f: file(f, GET, "int f(const command_t *cmd) { return cmd->lc < 4 ? 0 : get(cmd); }"),
    ),
    passes(
        RULE,
        "by its length in the buffer",
        lambda f: file(
            f, "int get(void) { if (G_io_apdu_buffer[4] < 4) return 0; return G_io_apdu_buffer[7]; }"
        ),
    ),
    fails(
        RULE,
        "by a name",
        lambda f: file(f, "enum { AT = 5 };", "int get(void) { return G_io_apdu_buffer[AT + 2]; }"),
        "src/a.c:2",
    ),
    passes(RULE, "an answer", lambda f: file(f, "void get(void) { G_io_apdu_buffer[7] = 1; }")),
    passes(RULE, "the header", lambda f: file(f, "int get(void) { return G_io_apdu_buffer[1]; }")),
)
