"""The shim's boundary to the operating system has the numbers of the ABI table."""

import csv
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "tests" / "vectors" / "abi.csv"
KINDS = {"syscall": "syscall", "syscall, returns cx_err_t": "cx_syscall", "library": "library"}
_ENTRY = re.compile(r"^(syscall|cx_syscall|library) +(\w+), (\w+), (\w+)$", re.MULTILINE)

Entry = tuple[str, int | None, int | None]


def _number(text: str) -> int | None:
    return int(text, 16) if text not in ("", "NONE") else None


def _source() -> dict[str, Entry]:
    text = (ROOT / "sdk-shim" / "src" / "abi.S").read_text("ascii")
    return {name: (kind, _number(a), _number(b)) for kind, name, a, b in _ENTRY.findall(text)}


def _vectors() -> dict[str, Entry]:
    with TABLE.open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    return {name: (KINDS[kind], _number(a), _number(b)) for name, kind, a, b in rows}


def test_every_number_is_that_of_the_table() -> None:
    assert _source() == _vectors()


def test_library_indices_fit_the_instruction_that_loads_them() -> None:
    for kind, *numbers in _source().values():
        if kind == "library":
            assert all(n is None or 0 <= n < 256 for n in numbers)


def test_every_function_in_the_headers_that_is_not_the_shims_own_is_in_the_table() -> None:
    """Prototypes in cx.h are of stubs, or of functions that src/crypto.c defines."""
    header = (ROOT / "sdk-shim" / "include" / "cx.h").read_text("ascii")
    own = (ROOT / "sdk-shim" / "src" / "crypto.c").read_text("ascii")
    declared = set(re.findall(r"\b(cx_\w+)\(", header))
    inline = set(re.findall(r"^static inline [\w ]+ \*?(cx_\w+)\(", header, re.MULTILINE))
    macros = {name for name in declared if name.endswith("_")}
    defined = set(re.findall(r"^cx_err_t (cx_\w+)\(", own, re.MULTILINE))
    pieces = {f"cx_{name}_hash_iovec" for name in re.findall(r"^HASH_PIECES\((\w+),", own, re.MULTILINE)}
    assert declared - inline - macros - defined - pieces - set(_source()) == set()
