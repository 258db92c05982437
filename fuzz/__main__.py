"""``python -m fuzz NAME [libFuzzer's options]``: one target under atheris."""

import functools
import sys

import atheris

with atheris.instrument_imports(include=["toolchain", "intelhex", "elftools", "ledgerblue"]):
    from fuzz.targets import TARGETS, run


def main() -> None:
    """Run until libFuzzer stops."""
    program, name, *options = sys.argv
    atheris.Setup([program, *options], functools.partial(run, TARGETS[name]))
    atheris.Fuzz()


main()
