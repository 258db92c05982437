"""Keys that are used at any step, and amounts that nobody signed."""

from pathlib import Path

from tests.defects.verify.case import fails, passes
from tests.unit.verify.candidates import good
from toolchain.verify import Candidate

STATE, AMOUNTS = "src-state-machine", "src-untrusted-amounts"

CONTEXT = "static struct { uint32_t path[5]; size_t length; int state; } G_context;"
BEGIN = "static int begin(const command_t *cmd) { G_context.length = cmd->lc; return 0; }"
SIGN = """static int sign(void) {
    cx_ecfp_private_key_t key;
    return bip32_derive_init_privkey_256(CX_CURVE_256K1, G_context.path, G_context.length, &key, 0);
}"""
ASKS = SIGN.replace("{\n", "{\n    if (G_context.state != 2) return 0;\n", 1)
ANEW = SIGN.replace("{\n", "{\n    G_context.length = 3;\n", 1)
DISPATCH = """int apdu_dispatch(const command_t *cmd) {
    switch (cmd->ins) {
        case 1: return begin(cmd);
        case 2: return sign();
        default: return 0;
    }
}"""
TABLE = """static int sign_it(const command_t *cmd) { return cmd->lc ? sign() : 0; }
static int (*const HANDLERS[])(const command_t *) = {begin, sign_it};
int apdu_dispatch(const command_t *cmd) { return HANDLERS[cmd->ins](cmd); }"""
FIRST = DISPATCH.replace("{\n", "{\n    if (G_context.state == 0 && cmd->ins == 2) return 0;\n", 1)

FEE = "static struct { uint64_t fee; uint8_t raw[64]; } G_tx;"
DISPATCH_FEE = (
    "int apdu_dispatch(const command_t *cmd) { switch (cmd->ins) { case 1: return handle(cmd); } return 0; }"
)


def app(folder: Path, *parts: str) -> Candidate:
    text = "\n".join(parts)
    return good(folder, files={"src/a.c": f"{text}\n"})


def fee(folder: Path, *body: str, before: str = "") -> Candidate:
    """A handler of these lines, the first of which is line 4."""
    head = "static int handle(const command_t *cmd) {"
    return app(folder, FEE, before, head, *body, "return 0; }", DISPATCH_FEE)


CASES = (
    fails(STATE, "at any time", lambda f: app(f, CONTEXT, BEGIN, SIGN, DISPATCH), "src/a.c:3"),
    fails(STATE, "through a table", lambda f: app(f, CONTEXT, BEGIN, SIGN, TABLE), "src/a.c:7"),
    passes(STATE, "by the handler", lambda f: app(f, CONTEXT, BEGIN, ASKS, DISPATCH)),
    passes(STATE, "by the dispatcher", lambda f: app(f, CONTEXT, BEGIN, SIGN, FIRST)),
    passes(STATE, "nothing left", lambda f: app(f, CONTEXT, BEGIN, ANEW, DISPATCH)),
    passes(
        STATE, "no key", lambda f: app(f, CONTEXT, BEGIN, "static int sign(void) { return 0; }", DISPATCH)
    ),
    fails(AMOUNTS, "copied", lambda f: fee(f, "memcpy(&G_tx.fee, cmd->data, 8);"), "src/a.c:4"),
    fails(AMOUNTS, "a byte", lambda f: fee(f, "", "G_tx.fee = cmd->data[3];"), "src/a.c:5"),
    fails(AMOUNTS, "in the buffer", lambda f: fee(f, "G_tx.fee = G_io_apdu_buffer[7];"), "src/a.c:4"),
    passes(AMOUNTS, "computed", lambda f: fee(f, "G_tx.fee = G_tx.raw[0] - G_tx.raw[1];")),
    passes(AMOUNTS, "no amount", lambda f: fee(f, "memcpy(G_tx.raw, cmd->data, 8);")),
    passes(
        AMOUNTS,
        "of what is hashed",
        lambda f: fee(
            f,
            "memcpy(&G_tx.fee, cmd->data, 8);",
            "return cx_hash_sha256(cmd->data, cmd->lc, G_tx.raw, 32) == 0;",
        ),
    ),
    passes(
        AMOUNTS,
        "by the caller's hash",
        lambda f: fee(
            f,
            "take(cmd);",
            "return cx_hash_sha256(cmd->data, cmd->lc, G_tx.raw, 32) == 0;",
            before="static void take(const command_t *c) { memcpy(&G_tx.fee, c->data, 8); }",
        ),
    ),
)
