"""Sources that hide, silence or overrun something."""

from pathlib import Path

from tests.defects.verify.case import fails, passes
from tests.unit.verify.candidates import MAKEFILE, good, with_commands
from toolchain.verify import Candidate, Severity


def c(folder: Path, *lines: str, path: str = "src/a.c") -> Candidate:
    """An app with one more file."""
    return good(folder, files={path: "\n".join(lines) + "\n"})


def body(folder: Path, *lines: str, path: str = "src/a.c") -> Candidate:
    """An app with a function of these lines, the first of which is line 2."""
    return c(folder, "void f(char *a, const char *b) {", *lines, "}", path=path)


PRAGMA = '#pragma GCC diagnostic ignored "-Wformat"'

TABLE = (
    "typedef struct { int ins; void (*fn)(int); } row_t;",
    "void get(int a) { (void) a; }",
    "const row_t ROWS[] = {{1, get}, {2, get}};",
    "void *pic(void *address);",
    "#define PIC(x) pic((void *) (x))",
)
"""Lines 1 to 5."""

CASES = (
    fails(
        "src-pic", "from a table", lambda f: c(f, *TABLE, "void f(int i) { ROWS[i].fn(i); }"), "src/a.c:6:17"
    ),
    fails(
        "src-pic",
        "through a pointer",
        lambda f: c(f, *TABLE, "void f(int i) {", "  const row_t *r = PIC(&ROWS[i]);", "  r->fn(i);", "}"),
        "src/a.c:8:3",
    ),
    passes(
        "src-pic",
        "relocated",
        lambda f: c(f, *TABLE, "void f(int i) { ((void (*)(int)) PIC(ROWS[i].fn))(i); }"),
    ),
    passes("src-pic", "a number of the table", lambda f: c(f, *TABLE, "void f(void) { get(ROWS[0].ins); }")),
    passes("src-pic", "a parameter", lambda f: c(f, *TABLE, "void f(void (*g)(int)) { g(ROWS[0].ins); }")),
    fails("src-parsed", "no end", lambda f: c(f, "int x;", 'char *a = "open;'), "src/a.c:2"),
    fails("src-parsed", "a bracket", lambda f: c(f, "", "void f(void) {", "if (1) {", "}"), "src/a.c:4"),
    fails("src-parsed", "a header that is not there", lambda f: c(f, "", '#include "gone.h"'), "src/a.c:2"),
    passes("src-parsed", "what newer compilers refuse", lambda f: c(f, "int f(void) { return g(1); }")),
    passes(
        "src-parsed",
        "constants of the compiler's own headers",
        lambda f: c(
            f, "long long f(void) { return __INT64_C(1) + (long long) __UINT64_C(2) + __INT8_C(3); }"
        ),
    ),
    passes(
        "src-parser-no-exceptions",
        "a serial number",
        lambda f: c(f, "void f(void) { longjmp(0, 1); }", path="src/get_serial.c"),
    ),
    fails(
        "src-parser-no-exceptions",
        "a serialiser",
        lambda f: c(f, "void f(void) { longjmp(0, 1); }", path="src/serialise.c"),
        "src/serialise.c:1:16",
    ),
    fails(
        "src-parsed",
        "includes itself",
        lambda f: good(f, files={"src/a.c": '#include "a.h"\n', "src/a.h": '#include "a.h"\n'}),
        "src/a.h:1",
    ),
    fails(
        "src-parsed",
        "deep",
        lambda f: body(f, "int x = " + "(" * 5000 + "1" + ")" * 5000 + ";"),
        "src/a.c",
    ),
    fails("src-parsed", "no commands", lambda f: with_commands(good(f)), ""),
    fails("src-parsed", "too long", lambda f: c(f, "int x;" * 200_000), "src/a.c"),
    passes("src-parsed", "not UTF-8", lambda f: good(f, files={"src/a.c": b"// caf\xe9\nint x;\n"})),
    passes(
        "src-parsed",
        "branches that share a bracket",
        lambda f: c(f, "#ifdef A", "void f(int a) {", "#else", "void f(void) {", "#endif", "}"),
    ),
    fails("warn-not-disabled-source", "pragma", lambda f: c(f, "", PRAGMA), "src/a.c:2"),
    fails("warn-not-disabled-source", "in a header", lambda f: c(f, PRAGMA, path="src/a.h"), "src/a.h:1"),
    fails(
        "warn-not-disabled-source",
        "a system header",
        lambda f: c(f, "# pragma clang system_header"),
        "src/a.c:1",
    ),
    fails(
        "warn-not-disabled-source",
        "operator",
        lambda f: c(f, "#define Q \\", ' _Pragma("clang diagnostic ignored \\"-Wvla\\"")'),
        "src/a.c:2:2",
    ),
    fails(
        "warn-not-disabled-source",
        "with a reason",
        lambda f: c(f, "// the SDK's own macro warns here", PRAGMA),
        "src/a.c:2",
        Severity.WARNING,
    ),
    fails(
        "warn-not-disabled-source",
        "in a library",
        lambda f: c(f, PRAGMA, path="src/vendor/a.h"),
        "src/vendor/a.h:1",
        Severity.WARNING,
    ),
    fails(
        "warn-not-disabled-source",
        "a function marked unused",
        lambda f: c(f, "static int __attribute__((unused)) g(void) { return 0; }"),
        "src/a.c:1:27",
        Severity.ADVICE,
    ),
    fails(
        "warn-not-disabled-source",
        "a variable marked so in C23",
        lambda f: c(f, "", "[[maybe_unused]] static int g;"),
        "src/a.c:2:3",
        Severity.ADVICE,
    ),
    passes(
        "warn-not-disabled-source",
        "a parameter marked unused",
        lambda f: c(
            f, "static int g(int q __attribute__((unused))) { return 0; }", "int h(void) { return g(1); }"
        ),
    ),
    passes("warn-not-disabled-source", "in a comment", lambda f: c(f, f"// {PRAGMA}", f"/*\n{PRAGMA}\n*/")),
    passes(
        "warn-not-disabled-source",
        "in a string",
        lambda f: c(f, 'char *a = "\\n\\', "#pragma clang system_header\\n", '";'),
    ),
    passes("warn-not-disabled-source", "push and pop", lambda f: c(f, "#pragma GCC diagnostic push")),
    passes("warn-not-disabled-source", "stricter", lambda f: c(f, '#pragma GCC diagnostic error "-Wvla"')),
    fails(
        "analyzer-not-evaded", "macro", lambda f: c(f, "#ifndef __clang_analyzer__", "#endif"), "src/a.c:1:9"
    ),
    fails("analyzer-not-evaded", "CodeQL", lambda f: body(f, "if (__CODEQL__) {}"), "src/a.c:2:5"),
    fails(
        "analyzer-not-evaded",
        "a call that returns after all",
        lambda f: c(f, "void g(void) __attribute__((analyzer_noreturn));"),
        "src/a.c:1:29",
    ),
    fails(
        "analyzer-not-evaded",
        "suppressed",
        lambda f: body(f, "[[clang::suppress]] *a = 0;"),
        "src/a.c:2",
        Severity.WARNING,
    ),
    fails(
        "analyzer-not-evaded",
        "makefile",
        lambda f: good(f, makefile=f"{MAKEFILE}ifeq ($(RUN_SCAN),true)\nendif\n"),
        "Makefile:16",
    ),
    passes("analyzer-not-evaded", "in a comment", lambda f: c(f, "// __clang_analyzer__")),
    fails("src-unsafe-string", "strcpy", lambda f: body(f, "  strcpy(a, b);"), "src/a.c:2:3"),
    fails("src-unsafe-string", "sprintf", lambda f: body(f, 'sprintf(a, "%s", b);'), "src/a.c:2:1"),
    fails("src-unsafe-string", "nested", lambda f: body(f, "if (g(strcat(a, b))) return;"), "src/a.c:2:7"),
    fails(
        "src-unsafe-string",
        "hidden from the analyzer",
        lambda f: body(f, "#ifndef __clang_analyzer__", "strcpy(a, b);", "#endif"),
        "src/a.c:3:1",
    ),
    fails(
        "src-unsafe-string",
        "in a macro",
        lambda f: c(f, "#define COPY(a, b) strcpy(a, b)", "void f(char *a) { COPY(a, a); }"),
        "src/a.c:2:19",
    ),
    fails(
        "src-unsafe-string",
        "not terminated",
        lambda f: body(f, "strncpy(a, b, 4);"),
        "src/a.c:2:1",
        Severity.ADVICE,
    ),
    fails(
        "src-unsafe-string",
        "a literal without its end",
        lambda f: body(f, 'strncpy(a, "coin", 4);'),
        "src/a.c:2:1",
        Severity.ADVICE,
    ),
    fails(
        "src-unsafe-string",
        "a bound that only a run tells",
        lambda f: body(f, "int n = *b;", 'strncpy(a, "coin", n);'),
        "src/a.c:3:1",
        Severity.ADVICE,
    ),
    passes(
        "src-unsafe-string",
        "a literal that fits",
        lambda f: body(f, "char c[8];", 'strncpy(c, "coin", 5);', 'strncpy(c, "coin", sizeof(c) - 1);'),
    ),
    fails(
        "src-unsafe-string",
        "strcpy of a literal that fits",
        lambda f: body(f, "char c[5];", 'strcpy(c, "coin");'),
        "src/a.c:3:1",
        Severity.ADVICE,
    ),
    fails(
        "src-unsafe-string",
        "strcpy of a literal that does not fit",
        lambda f: body(f, "char c[4];", 'strcpy(c, "coin");'),
        "src/a.c:3:1",
    ),
    passes(
        "src-unsafe-string",
        "a literal into a size that is computed",
        lambda f: body(f, "char c[8];", 'strncpy(c, "coin", sizeof(c) + sizeof(int) * 0);'),
    ),
    passes(
        "src-unsafe-string",
        "the end is put behind it",
        lambda f: body(f, "char c[8];", "strncpy(c, b, 8);", "c[7] = '\\0';"),
    ),
    fails(
        "src-unsafe-string",
        "the end is put in front of it",
        lambda f: body(f, "char c[8];", "c[7] = '\\0';", "strncpy(c, b, 8);"),
        "src/a.c:4:1",
        Severity.ADVICE,
    ),
    fails(
        "src-unsafe-string",
        "another's end is put behind it",
        lambda f: body(f, "char c[8], d[8];", "strncpy(c, b, 8);", "d[7] = '\\0';"),
        "src/a.c:3:1",
        Severity.ADVICE,
    ),
    passes(
        "src-unsafe-string",
        "the end is looked for",
        lambda f: body(f, "char c[8];", "strncpy(c, b, 8);", "if (c[7] != 0) { a[0] = 1; }"),
    ),
    passes(
        "src-unsafe-string",
        "an array with its end",
        lambda f: body(f, 'const char c[] = "0x";', "strncpy(a, c, sizeof(c));"),
    ),
    fails(
        "src-unsafe-string",
        "an array without its end",
        lambda f: body(f, 'const char c[] = "0x";', "strncpy(a, c, sizeof(c) - 1);"),
        "src/a.c:3:1",
        Severity.ADVICE,
    ),
    passes(
        "src-unsafe-string",
        "as long as it is",
        lambda f: body(f, "unsigned n = strlen(b);", "if (n < 8) { strncpy(a, b, n + 1); }"),
    ),
    fails(
        "src-unsafe-string",
        "as long as another is",
        lambda f: body(f, "unsigned n = strlen(a);", "if (n < 8) { strncpy(a, b, n + 1); }"),
        "src/a.c:3:14",
        Severity.ADVICE,
    ),
    passes(
        "src-unsafe-string",
        "into zeros, all but the last",
        lambda f: body(f, "char c[8];", "memset(c, 0, sizeof(c));", "strncpy(c, b, sizeof(c) - 1);"),
    ),
    fails(
        "src-unsafe-string",
        "into zeros, the last as well",
        lambda f: body(f, "char c[8];", "memset(c, 0, sizeof(c));", "strncpy(c, b, sizeof(c));"),
        "src/a.c:4:1",
        Severity.ADVICE,
    ),
    passes(
        "src-unsafe-string",
        "something ended follows",
        lambda f: body(f, "strncpy(a, b, 4);", 'strlcpy(a + 4, ".", 2);'),
    ),
    passes("src-unsafe-string", "bounded", lambda f: body(f, "strlcpy(a, b, 4); snprintf(a, 4, b);")),
    passes("src-unsafe-string", "in a comment", lambda f: body(f, "// strcpy(a, b);")),
    passes("src-unsafe-string", "declared", lambda f: c(f, "char *strcpy(char *a, const char *b);")),
    passes("src-unsafe-string", "never compiled", lambda f: body(f, "#if 0", "strcpy(a, b);", "#endif")),
    passes(
        "src-unsafe-string",
        "a switch that is off",
        lambda f: body(f, "#ifdef HAVE_DEBUG_APDU", "strcpy(a, b);", "#endif"),
    ),
    fails(
        "src-unsafe-string",
        "a switch that is on",
        lambda f: good(
            f,
            defines=("HAVE_LONG",),
            files={"src/a.c": "void f(void) {\n#ifndef HAVE_LONG\n#else\nstrcpy(a, b);\n#endif\n}\n"},
        ),
        "src/a.c:4:1",
    ),
    passes(
        "src-unsafe-string",
        "a function of its own",
        lambda f: c(f, "int atoi(const char *s) { return 0; }", "int f(void) { return atoi(0); }"),
    ),
    fails("src-no-throw-crypto", "sign", lambda f: body(f, "cx_ecdsa_sign(a, b);"), "src/a.c:2:1"),
    fails(
        "src-no-throw-crypto", "no attribute", lambda f: body(f, "cx_math_sub(a, a, b, 1);"), "src/a.c:2:1"
    ),
    fails(
        "src-no-throw-crypto", "derive", lambda f: body(f, "os_perso_derive_node_bip32(0);"), "src/a.c:2:1"
    ),
    passes("src-no-throw-crypto", "its sibling", lambda f: body(f, "CX_CHECK(cx_ecdsa_sign_no_throw(a));")),
    passes("src-no-throw-crypto", "never throws", lambda f: body(f, "cx_sha256_init(a); cx_rng(a, 1);")),
    fails(
        "src-parser-portable",
        "SDK header",
        lambda f: c(f, '#include "os.h"', "int f(void) { return 0; }", path="src/tx_parser.c"),
        "src/tx_parser.c:1",
    ),
    passes(
        "src-parser-portable",
        "portable header",
        lambda f: c(f, '#include "buffer.h"', "#include <string.h>", path="src/tx_parser.c"),
    ),
    passes(
        "src-parser-portable",
        "the swap interface",
        lambda f: c(f, '#include "os.h"', "int x1;", path="src/swap/handle_get_printable_amount.c"),
    ),
    passes(
        "src-parser-portable",
        "not a parser",
        lambda f: c(f, '#include "os.h"', "void f(void) { io_send_sw(1); }", path="src/format_reply.c"),
    ),
    fails(
        "src-parser-no-exceptions",
        "THROW",
        lambda f: body(f, "if (!a) {", "    THROW(0x6a80);", "}", path="src/parse.c"),
        "src/parse.c:3:5",
    ),
    fails(
        "src-parser-no-exceptions",
        "in a function that parses",
        lambda f: good(f, files={"src/main.c": "void tx_parse(void) {\n    THROW(0x6a80);\n}\n"}),
        "src/main.c:2:5",
    ),
    passes("src-parser-no-exceptions", "elsewhere", lambda f: body(f, "THROW(0x6a80);", path="src/main.c")),
    passes(
        "src-parser-no-exceptions", "in a comment", lambda f: body(f, "// THROW(0x6a80);", path="src/parse.c")
    ),
)
