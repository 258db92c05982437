"""Paths of others, and parameters that are not registered."""

import dataclasses
from pathlib import Path

from tests.defects.verify.case import fails, passes
from tests.unit.verify.candidates import MAKEFILE, good
from toolchain.formats.install_params import path_from_text
from toolchain.verify import Candidate, Severity
from toolchain.verify.database import Entry

PATH = "44'/535348'"


def registered(folder: Path, **changes: object) -> Candidate:
    """An app whose entry says something else."""
    candidate = good(folder)
    assert candidate.database is not None
    entry = dataclasses.replace(candidate.database["SAMPLE"], **changes)  # type: ignore[arg-type] # fields of the cases
    return dataclasses.replace(candidate, database={"SAMPLE": entry})


def new(folder: Path, path: str, *others: tuple[str, str], name: str = "Sample") -> Candidate:
    """An app that asks for ``path`` and is not registered; other apps are, each with one path."""
    candidate = good(folder, name=name, paths=(path,), makefile=MAKEFILE.replace(PATH, path))
    entries = {other: Entry(other, other, {}, (), (path_from_text(text),), ()) for other, text in others}
    return dataclasses.replace(candidate, database=entries)


def granted(folder: Path, path: str, *others: tuple[str, str]) -> Candidate:
    """The same, but that the app is registered as well."""
    candidate = new(folder, path, *others)
    own = Entry("SAMPLE", "Sample", {}, (), (path_from_text(path),), ())
    return dataclasses.replace(candidate, database={**(candidate.database or {}), "SAMPLE": own})


CASES = (
    fails("path-slip44-registered", "another coin's", lambda f: new(f, "44'/501'"), "Makefile:10"),
    fails("path-slip44-registered", "another purpose", lambda f: new(f, "84'/2'"), "Makefile:10"),
    fails("path-slip44-registered", "nobody's", lambda f: new(f, PATH), "Makefile:10", Severity.WARNING),
    fails("path-slip44-registered", "granted", good, "Makefile:10", Severity.ADVICE),
    passes("path-slip44-registered", "by symbol", lambda f: new(f, "44'/144'", name="XRP")),
    passes("path-slip44-registered", "by a word", lambda f: new(f, "44'/810'", name="Astar XL")),
    passes("path-slip44-registered", "test networks", lambda f: new(f, "44'/1'")),
    passes("path-slip44-registered", "a chain of Ethereum", lambda f: new(f, "44'/60'")),
    passes("path-slip44-registered", "no coin", lambda f: new(f, "13'")),
    fails(
        "elf-vs-database",
        "no database",
        lambda f: dataclasses.replace(good(f), database=None),
        "",
        Severity.ADVICE,
    ),
    fails("elf-vs-database", "no entry", lambda f: dataclasses.replace(good(f), database={}), "Makefile:12"),
    fails("elf-vs-database", "name", lambda f: registered(f, name="Other"), "Makefile:3"),
    fails("elf-vs-database", "flags", lambda f: registered(f, flags={"nanos2": 0x800}), "Makefile:12"),
    fails("elf-vs-database", "no flags", lambda f: registered(f, flags={"nanox": 0}), "Makefile:12"),
    fails("elf-vs-database", "curve", lambda f: registered(f, curves=("ed25519",)), "Makefile:9"),
    fails("elf-vs-database", "unknown curve", lambda f: registered(f, curves=("x",)), "Makefile:12"),
    fails("elf-vs-database", "path", lambda f: registered(f, paths=((),)), "Makefile:10"),
    fails("elf-vs-database", "SLIP-21", lambda f: registered(f, paths_slip21=("LEDGER-X",)), "Makefile"),
    fails(
        "elf-vs-database",
        "one of two variants",
        lambda f: good(f, variables={"VARIANT_VALUES": "SAMPLE OTHER"}),
        "Makefile:12",
    ),
    passes("elf-vs-database", "registered", good),
    fails("path-no-conflict", "the same", lambda f: new(f, PATH, ("Other", PATH)), "Makefile:10"),
    fails("path-no-conflict", "above", lambda f: new(f, PATH, ("Other", f"{PATH}/0'")), "Makefile:10"),
    fails("path-no-conflict", "below", lambda f: new(f, f"{PATH}/0'", ("Other", PATH)), "Makefile:10"),
    passes("path-no-conflict", "granted to both", lambda f: granted(f, PATH, ("Other", PATH))),
    passes("path-no-conflict", "a sibling", lambda f: new(f, PATH, ("Other", "44'/535349'"))),
    passes("path-no-conflict", "a family", lambda f: new(f, "44'/60'", ("Ethereum", "44'/60'"))),
    passes("path-no-conflict", "its own other size", lambda f: new(f, PATH, ("Sample XL", PATH))),
)
