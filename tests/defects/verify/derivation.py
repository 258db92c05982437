"""Curves and paths."""

import dataclasses
from pathlib import Path

from tests.defects.verify.case import fails, passes
from tests.unit.verify.candidates import MAKEFILE, good
from toolchain.formats.install_params import Dependency, InstallParams, path_from_text
from toolchain.verify import Candidate, Severity

BLOCK = InstallParams("Sample", "1.2.3", None, 1, (path_from_text("44'/535348'"),), ())
DEPENDS = dataclasses.replace(BLOCK, dependencies=(Dependency("Bitcoin"),))
RAW = dataclasses.replace(BLOCK, extra=((0x9F, b"\1"),))


def paths(folder: Path, *texts: str, **more: tuple[str, ...]) -> Candidate:
    listed = " ".join(f'"{text}"' for text in texts)
    old = "\"44'/535348'\""
    assert old in MAKEFILE
    return good(folder, paths=texts, makefile=MAKEFILE.replace(old, listed), **more)  # type: ignore[arg-type] # only tuples are given


def ethereum(folder: Path, *defines: str) -> Candidate:
    makefile = MAKEFILE + "".join(f"DEFINES += {define}\n" for define in defines)
    return good(folder, paths=("44'/60'",), defines=defines, makefile=makefile)


def plugin(folder: Path) -> Candidate:
    path = (path_from_text("44'/60'"),)
    block = dataclasses.replace(BLOCK, paths=path, dependencies=(Dependency("Ethereum"),))
    return good(folder, paths=("44'/60'",), params=block)


def names_curve(folder: Path, curve: str) -> Candidate:
    """An app, locked to secp256k1, whose code names this constant."""
    code = f"enum {{ CX_CURVE_SECP256K1, CX_CURVE_Ed25519 }};\nint f(void) {{ return g({curve}); }}\n"
    return good(folder, files={"src/a.c": code})


def compares(folder: Path, condition: str, *declared: str) -> Candidate:
    """An app whose code asks something of a path, on line 2."""
    code = f"int f(const uint32_t *path) {{\n    return {condition};\n}}\n"
    return good(folder, paths=declared or ("44'/148'",), files={"src/a.c": code})


CASES = (
    fails(
        "path-used-in-code",
        "of another coin",
        lambda f: compares(f, "path[0] == 0x8000002c && path[1] == 0x8000003c"),
        "src/a.c:2",
    ),
    fails(
        "path-used-in-code", "as a sum", lambda f: compares(f, "(60 | 0x80000000) != path[1]"), "src/a.c:2"
    ),
    passes("path-used-in-code", "its own", lambda f: compares(f, "path[1] == 0x80000094")),
    passes(
        "path-used-in-code",
        "one of its own",
        lambda f: compares(f, "path[1] == 0x80000001", "44'/1'", "44'/2'"),
    ),
    passes("path-used-in-code", "another level", lambda f: compares(f, "path[2] == 0x8000003c")),
    passes("path-used-in-code", "any coin", lambda f: compares(f, "path[1] == 0x8000003c", "44'")),
    fails("curve-minimal", "another curve", lambda f: names_curve(f, "CX_CURVE_Ed25519"), "Makefile:9"),
    passes("curve-minimal", "that curve", lambda f: names_curve(f, "CX_CURVE_SECP256K1")),
    passes("curve-minimal", "a curve in a variable", lambda f: names_curve(f, "x")),
    fails("curve-declared", "none", lambda f: good(f, curves=()), "Makefile:9"),
    fails(
        "curve-declared",
        "an empty mask",
        lambda f: good(f, params=dataclasses.replace(BLOCK, curves=0)),
        "Makefile:9",
    ),
    passes("curve-declared", "two", lambda f: good(f, curves=("secp256k1", "ed25519"))),
    fails(
        "curve-known",
        "another spelling",
        lambda f: good(f, curves=("prime256r1",), makefile=MAKEFILE.replace("secp256k1", "prime256r1")),
        "Makefile:9",
    ),
    fails(
        "curve-known",
        "a later level's",
        lambda f: good(f, curves=("jubjub",), makefile=MAKEFILE.replace("secp256k1", "jubjub")),
        "Makefile:9",
    ),
    passes("curve-known", "at its level", lambda f: good(f, curves=("jubjub",), api_level=26)),
    passes("curve-known", "secp256r1", lambda f: good(f, curves=("secp256r1",))),
    fails("path-declared", "none", lambda f: good(f, paths=()), "Makefile:10"),
    fails("path-declared", "empty", lambda f: paths(f, ""), "Makefile:10"),
    fails(
        "path-declared",
        "SLIP-21 and an open BIP-32",
        lambda f: paths(f, "", curves=("secp256k1",), paths_slip21=("LEDGER-Sample",)),
        "Makefile:10",
    ),
    passes("path-declared", "a path", lambda f: paths(f, "44'/535348'")),
    fails("path-not-too-broad", "purpose only", lambda f: paths(f, "44'"), "Makefile:10"),
    fails("path-not-too-broad", "every coin", lambda f: paths(f, "44'/*"), "Makefile:10"),
    fails("path-not-too-broad", "everything", lambda f: paths(f, "*"), "Makefile:10"),
    fails("path-not-too-broad", "one of several", lambda f: paths(f, "44'/535348'", "84'"), "Makefile:10"),
    passes("path-not-too-broad", "a constant of its own", lambda f: paths(f, "5262163'")),
    passes("path-not-too-broad", "one coin of any purpose", lambda f: paths(f, "*/0'")),
    fails("path-hardened", "the coin type", lambda f: paths(f, "44'/148"), "Makefile:10"),
    fails("path-hardened", "the purpose", lambda f: paths(f, "44/148'"), "Makefile:10"),
    passes("path-hardened", "below the coin", lambda f: paths(f, "44'/148'/0")),
    passes("path-hardened", "BLS keys", lambda f: paths(f, "12381/3600/0")),
    fails("path-eth-chainid", "none", ethereum, "Makefile:10"),
    fails("path-eth-chainid", "Ethereum's", lambda f: ethereum(f, "CHAIN_ID=1"), "Makefile:16"),
    fails("path-eth-chainid", "zero", lambda f: ethereum(f, "CHAIN_ID=0x0"), "Makefile:16"),
    fails("path-eth-chainid", "not a number", lambda f: ethereum(f, "CHAIN_ID=main"), "Makefile:16"),
    passes("path-eth-chainid", "its own", lambda f: ethereum(f, "CHAIN_ID=137")),
    passes("path-eth-chainid", "a plugin", plugin),
    passes("path-eth-chainid", "another coin", lambda f: paths(f, "44'/61'")),
    fails("load-params-extra", "a raw tag", lambda f: good(f, params=RAW), "Makefile", Severity.ERROR),
    fails("load-params-extra", "a dependency", lambda f: good(f, params=DEPENDS), "Makefile"),
    fails(
        "load-params-extra",
        "no checksums",
        lambda f: good(
            f,
            makefile=f"{MAKEFILE}ENABLE_NOCRC_APP_LOAD_PARAMS = 1\n",
            variables={"ENABLE_NOCRC_APP_LOAD_PARAMS": "1"},
        ),
        "Makefile:16",
        Severity.ERROR,
    ),
    fails("load-params-extra", "SLIP-21", lambda f: good(f, paths_slip21=("LEDGER-Sample",)), "Makefile"),
    passes("load-params-extra", "nothing", good),
)
