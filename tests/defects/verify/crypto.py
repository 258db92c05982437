"""Keys that are left, stored, sent, or used without a question."""

from pathlib import Path

from tests.defects.verify.case import fails, passes
from tests.unit.verify.candidates import good
from toolchain.verify import Candidate, Severity

DERIVE = "os_derive_bip32_no_throw(CX_CURVE_256K1, path, n, raw, NULL)"
WIPE = "explicit_bzero(raw, sizeof(raw));"


def c(folder: Path, *lines: str) -> Candidate:
    """An app with one more file, src/a.c."""
    return good(folder, files={"src/a.c": "\n".join(lines) + "\n"})


def body(folder: Path, *lines: str, kind: str = "int") -> Candidate:
    """A function with a key in ``raw``; its lines begin with line 3."""
    return c(folder, f"{kind} f(const uint32_t *path, size_t n) {{", "  uint8_t raw[64];", *lines, "}")


def signing(folder: Path, *handler: str) -> Candidate:
    """An app whose dispatcher calls a handler, which begins in line 2."""
    return c(
        folder,
        "static void sign(void) { bip32_derive_ecdsa_sign_hash_256(CX_CURVE_256K1); }",
        *handler,
        "static void on_choice(bool yes) { if (yes) sign(); }",
        "int apdu_dispatcher(const command_t *c) { return handler(c); }",
        "void app_main(void) { for (;;) { apdu_dispatcher(NULL); } }",
    )


CASES = (
    fails("src-key-wiped", "never", lambda f: body(f, f"  {DERIVE};", "  return 0;"), "src/a.c:3:3"),
    fails(
        "src-key-wiped",
        "at the end of a void function",
        lambda f: body(f, f"{DERIVE};", kind="void"),
        "src/a.c:3:1",
    ),
    fails(
        "src-key-wiped",
        "memset",
        lambda f: body(f, f"{DERIVE};", "memset(raw, 0, sizeof(raw));", "return 0;"),
        "src/a.c:3:1",
    ),
    fails(
        "src-key-wiped",
        "another variable",
        lambda f: body(f, "uint8_t other[4];", f"{DERIVE};", "explicit_bzero(other, 4);", "return 0;"),
        "src/a.c:4:1",
    ),
    fails(
        "src-key-wiped",
        "through a function of its own",
        lambda f: c(
            f,
            "int derive(uint8_t *out) { return os_derive_bip32_no_throw(0, 0, 0, out, NULL); }",
            "int g(void) { uint8_t k[64]; if (derive(k) != CX_OK) { return 1; } return 0; }",
        ),
        "src/a.c:2:34",
    ),
    fails(
        "src-key-wiped",
        "a key object",
        lambda f: c(
            f,
            "int g(void) {",
            "  cx_ecfp_private_key_t key = {0};",
            "  if (cx_ecfp_init_private_key_no_throw(0, raw, 32, &key) != CX_OK) return 1;",
            "  return 0;",
            "}",
        ),
        "src/a.c:3:7",
    ),
    passes("src-key-wiped", "wiped", lambda f: body(f, f"{DERIVE};", WIPE, "return 0;")),
    passes(
        "src-key-wiped",
        "passed on to the caller",
        lambda f: c(f, f"int f(uint8_t *raw) {{ return {DERIVE}; }}"),
    ),
    passes(
        "src-key-wiped", "only the failing call", lambda f: body(f, f"if ({DERIVE} != CX_OK) return 1;", WIPE)
    ),
    passes(
        "src-key-wiped",
        "a macro of its own wipes",
        lambda f: c(
            f,
            "#define MEMZERO(p, n) explicit_bzero((p), (n))",
            f"int f(void) {{ uint8_t raw[64]; {DERIVE}; MEMZERO(raw, 64); return 0; }}",
        ),
    ),
    passes(
        "src-key-wiped",
        "a function of its own wipes",
        lambda f: c(
            f,
            "void forget(uint8_t *p) { explicit_bzero(p, 64); }",
            f"int f(void) {{ uint8_t raw[64]; {DERIVE}; forget(raw); return 0; }}",
        ),
    ),
    fails(
        "src-key-wiped-all-paths",
        "an early return",
        lambda f: body(f, f"{DERIVE};", "if (n > 3) {", "  return 1;", "}", WIPE, "return 0;"),
        "src/a.c:5",
    ),
    fails(
        "src-key-wiped-all-paths",
        "one branch",
        lambda f: body(f, f"{DERIVE};", "if (n) {", WIPE, "}", "return 0;"),
        "src/a.c:7",
    ),
    fails(
        "src-key-wiped-all-paths",
        "an exception",
        lambda f: body(f, f"{DERIVE};", "if (n) THROW(1);", WIPE, "return 0;"),
        "src/a.c:4",
    ),
    fails(
        "src-key-wiped-all-paths",
        "a call that throws",
        lambda f: body(f, f"{DERIVE};", "cx_hash(a, b, c, d, e, 1);", WIPE, "return 0;"),
        "src/a.c:4",
    ),
    fails(
        "src-key-wiped-all-paths",
        "a switch",
        lambda f: body(
            f, f"{DERIVE};", "switch (n) {", "case 1:", "  return 1;", "default:", "  break;", "}", WIPE
        ),
        "src/a.c:6",
    ),
    fails(
        "src-key-wiped-all-paths",
        "a loop",
        lambda f: body(
            f, "while (n--) {", f"  {DERIVE};", "  if (n == 2) return 1;", f"  {WIPE}", "}", "return 0;"
        ),
        "src/a.c:5",
    ),
    fails(
        "src-key-wiped-all-paths",
        "a macro that returns",
        lambda f: c(
            f,
            "#define CHECK(x) do { if (x) return 1; } while (0)",
            "int f(void) {",
            "  uint8_t raw[64];",
            f"  CHECK({DERIVE});",
            "  CHECK(g());",
            f"  {WIPE}",
            "  return 0;",
            "}",
        ),
        "src/a.c:5",
    ),
    fails(
        "src-key-wiped-all-paths",
        "goto behind the wipe",
        lambda f: body(f, f"{DERIVE};", "if (n) goto out;", WIPE, "out:", "return 0;"),
        "src/a.c:7",
    ),
    fails(
        "src-key-wiped-all-paths",
        "a CATCH of one exception",
        lambda f: body(
            f,
            f"{DERIVE};",
            "BEGIN_TRY { TRY { THROW(1); } CATCH(2) { } FINALLY { } } END_TRY;",
            WIPE,
            "return 0;",
        ),
        "src/a.c:4",
    ),
    fails(
        "src-key-wiped-all-paths",
        "another error in the same variable",
        lambda f: body(
            f,
            f"int error = {DERIVE};",
            "if (error) return error;",
            "error = g();",
            "if (error) return error;",
            WIPE,
        ),
        "src/a.c:6",
    ),
    passes(
        "src-key-wiped-all-paths",
        "FINALLY",
        lambda f: body(
            f,
            f"BEGIN_TRY {{ TRY {{ {DERIVE}; cx_hash(a, b, c, d, e, 1); }} FINALLY {{ {WIPE} }} }} END_TRY;",
            "return 0;",
        ),
    ),
    passes(
        "src-key-wiped-all-paths",
        "CX_CHECK",
        lambda f: body(
            f,
            "cx_err_t error;",
            f"CX_CHECK({DERIVE});",
            "CX_CHECK(cx_x_no_throw(raw));",
            "end:",
            WIPE,
            "return error;",
        ),
    ),
    passes(
        "src-key-wiped-all-paths",
        "the failing call itself",
        lambda f: body(
            f, f"cx_err_t error = {DERIVE};", "if (error != CX_OK) {", "return error;", "}", WIPE, "return 0;"
        ),
    ),
    passes(
        "src-key-wiped-all-paths",
        "success first",
        lambda f: body(f, f"if ({DERIVE} == CX_OK) {{", WIPE, "return 0;", "}", "return 1;"),
    ),
    passes(
        "src-key-wiped-all-paths",
        "a function that returns true",
        lambda f: c(
            f,
            f"static bool derive(uint8_t *raw) {{ return {DERIVE} == CX_OK; }}",
            f"int f(void) {{ uint8_t raw[64]; if (!derive(raw)) {{ return 1; }} {WIPE} return 0; }}",
        ),
    ),
    fails(
        "src-sizeof-wipe",
        "of a pointer",
        lambda f: c(f, "void f(uint8_t *k) { explicit_bzero(k, sizeof(k)); }"),
        "src/a.c:1:22",
    ),
    fails(
        "src-sizeof-wipe",
        "half of it",
        lambda f: body(f, "explicit_bzero(raw, 32);", "return 0;"),
        "src/a.c:3:1",
    ),
    passes(
        "src-sizeof-wipe",
        "all of it",
        lambda f: body(f, WIPE, "cx_aes_key_t k, *q = &k;", "explicit_bzero(q, sizeof(*q));", "return 0;"),
    ),
    fails(
        "src-blind-signing",
        "a hash that came in",
        lambda f: c(f, "int f(command_t *cmd) { return cx_ecdsa_sign_no_throw(&x, cmd->data, 32, sig); }"),
        "src/a.c:1:32",
    ),
    fails(
        "src-blind-signing",
        "its copy",
        lambda f: body(
            f, "memcpy(raw, G_io_apdu_buffer + 5, 32);", "return cx_ecdsa_sign_no_throw(&x, raw, 32, sig);"
        ),
        "src/a.c:4:8",
    ),
    passes(
        "src-blind-signing",
        "a hash made here",
        lambda f: body(f, "g(G_io_apdu_buffer, raw);", "return cx_ecdsa_sign_no_throw(&x, raw, 32, sig);"),
    ),
    fails(
        "src-host-cache-mac",
        "memcmp",
        lambda f: c(f, "int f(uint8_t *mac) { return memcmp(mac, raw, 32); }"),
        "src/a.c:1:30",
    ),
    passes(
        "src-host-cache-mac",
        "in constant time",
        lambda f: c(
            f, "int f(uint8_t *mac) { return os_secure_memcmp(mac, raw, 32) || memcmp(raw, sig, 4); }"
        ),
    ),
    fails(
        "src-error-checked",
        "cast to void",
        lambda f: body(f, "(void) cx_hash_no_throw(a, b);"),
        "src/a.c:3:8",
    ),
    fails("src-error-checked", "not taken", lambda f: body(f, "cx_ecdsa_sign_no_throw(a);"), "src/a.c:3:1"),
    passes("src-error-checked", "checked", lambda f: body(f, "CX_CHECK(cx_hash_no_throw(a, b));")),
    passes("src-error-checked", "another cast", lambda f: body(f, "(void) path;")),
    fails(
        "src-no-secret-nvram",
        "to flash",
        lambda f: body(f, f"{DERIVE};", "nvm_write((void *) &N_storage.key, raw, 32);", WIPE),
        "src/a.c:4:1",
    ),
    passes(
        "src-no-secret-nvram",
        "a key that was imported",
        lambda f: body(
            f, "CX_CHECK(cx_aes_init_key_no_throw(apdu, 16, &aes));", "nvm_write(&N.aes, &aes, sizeof(aes));"
        ),
    ),
    fails(
        "src-no-secret-nvram",
        "a field",
        lambda f: c(f, "", "const struct { int on; uint8_t private_key[32]; } N_store;"),
        "src/a.c:2",
        Severity.WARNING,
    ),
    passes(
        "src-no-secret-nvram",
        "data for private use",
        lambda f: c(f, "const struct { int private_do1; uint8_t seed_type; } N_store;"),
    ),
    fails(
        "src-no-secret-nvram",
        "a key made of one",
        lambda f: body(
            f,
            f"{DERIVE};",
            "CX_CHECK(cx_aes_init_key_no_throw(raw, 16, &aes));",
            "nvm_write(&N.aes, &aes, 32);",
            "end:",
            WIPE,
        ),
        "src/a.c:5:1",
    ),
    passes(
        "src-no-secret-nvram",
        "a setting",
        lambda f: body(f, f"{DERIVE};", "nvm_write((void *) &N_storage.x, &x, 1);", WIPE),
    ),
    fails(
        "src-no-secret-export",
        "copied",
        lambda f: body(f, f"{DERIVE};", "memcpy(G_io_apdu_buffer + 2, raw, 32);", WIPE),
        "src/a.c:4:1",
    ),
    fails(
        "src-no-secret-export",
        "sent",
        lambda f: body(f, f"{DERIVE};", "io_send_response_pointer(raw, 32, 0x9000);", WIPE),
        "src/a.c:4:1",
    ),
    passes(
        "src-no-secret-export",
        "a signature",
        lambda f: body(f, f"{DERIVE};", "io_send_response_pointer(sig, 72, 0x9000);", WIPE),
    ),
    fails(
        "src-user-approval",
        "no screen",
        lambda f: signing(f, "int handler(const command_t *c) { sign(); return 0; }"),
        "src/a.c:1:26",
    ),
    fails(
        "src-user-approval",
        "no screen for short messages",
        lambda f: signing(
            f,
            "int handler(const command_t *c) {",
            "  if (c->lc == 32) { sign(); return 0; }",
            "  nbgl_useCaseReview(on_choice);",
            "  return 0;",
            "}",
        ),
        "src/a.c:1:26",
    ),
    passes(
        "src-user-approval",
        "the app itself says no",
        lambda f: signing(
            f,
            "static void on_choice(bool yes);",
            "int handler(const command_t *c) { if (!c) on_choice(false); nbgl_useCaseReview(on_choice); }",
        ),
    ),
    passes(
        "src-user-approval",
        "in the callback",
        lambda f: signing(f, "int handler(const command_t *c) { nbgl_useCaseReview(on_choice); return 0; }"),
    ),
    passes(
        "src-user-approval",
        "after a question that waits",
        lambda f: signing(
            f,
            "static bool ask(void) { ux_flow_init(0, flow, NULL); return wait(); }",
            "int handler(const command_t *c) { if (!ask()) { return 1; } sign(); return 0; }",
        ),
    ),
    passes(
        "src-user-approval",
        "in a state that the user made",
        lambda f: signing(
            f,
            "enum { STATE_NONE, STATE_APPROVED };",
            "static int state;",
            "int handler(const command_t *c) {",
            "  if (c->lc != 4 || state != STATE_APPROVED) { return 1; }",
            "  sign();",
            "  return 0;",
            "}",
        ),
    ),
    passes(
        "src-user-approval",
        "if the user agreed",
        lambda f: signing(
            f,
            "static bool approved;",
            "int handler(const command_t *c) { if (!approved) { return 1; } sign(); return 0; }",
        ),
    ),
    fails(
        "src-user-approval",
        "unless the user agreed",
        lambda f: signing(
            f,
            "enum { STATE_NONE, STATE_APPROVED };",
            "static int state;",
            "int handler(const command_t *c) { if (state != STATE_APPROVED) { sign(); } return 0; }",
        ),
        "src/a.c:1:26",
    ),
    fails(
        "src-user-approval",
        "in another state",
        lambda f: signing(
            f,
            "enum { STATE_NONE, STATE_PARSED };",
            "static int state;",
            "int handler(const command_t *c) { if (state == STATE_PARSED) { sign(); } return 0; }",
        ),
        "src/a.c:1:26",
    ),
    passes(
        "src-user-approval",
        "shown by the Exchange app",
        lambda f: signing(
            f,
            "int handler(const command_t *c) {",
            "  if (G_called_from_swap) { sign(); return 0; }",
            "  nbgl_useCaseReview(on_choice);",
            "  return 0;",
            "}",
        ),
    ),
)
