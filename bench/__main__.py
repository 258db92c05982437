"""``python -m bench``: run the comparisons, show a table, write the results."""

import argparse
import functools
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bench import machine
from bench.analysis import analyses, second
from bench.builds import Subject, builds, edits, noops
from bench.containers import containers, images
from bench.evidence import log, verification
from bench.figures import NotMeasured, Result
from bench.loads import LARGE, Loads, again, cable, fleet, large, load, transfer
from bench.rules import rules
from bench.shim import clean_builds, idle_builds
from bench.signing import signing
from bench.startup import startup
from bench.table import table, to_fields, to_json
from toolchain import dist
from toolchain.console import Output
from toolchain.errors import ToolchainError

OWN_APP = "boilerplate"
OWN_TARGETS = ("nanos", "nanosp", "nanox")


@dataclass
class Session:
    """One call: its options, and what several comparisons share."""

    folder: Path
    target: str
    runs: int
    sdk: str
    app: str

    @functools.cached_property
    def loads(self) -> Loads:
        """The runs of which ``load`` and ``transfer`` show different sides."""
        return Loads(self.make_folder("loads"), self.target, self.runs or 11)

    def make_folder(self, name: str) -> Path:
        """A new folder for one comparison."""
        folder = self.folder / name
        folder.mkdir()
        return folder

    def startup(self) -> Iterator[Result]:
        """Starting a task."""
        yield startup(self.make_folder("startup"), self.runs or 21)

    def build(self) -> Iterator[Result]:
        """Building from a clean state."""
        yield from self._each("build", builds, self.runs or 7)

    def edit(self) -> Iterator[Result]:
        """Building after one source changed."""
        yield from self._each("edit", edits, self.runs or 11)

    def noop(self) -> Iterator[Result]:
        """Building with nothing to do."""
        yield from self._each("noop", noops, self.runs or 15)

    def container(self) -> Iterator[Result]:
        """Building in the builder container."""
        own = Subject(f"{OWN_APP}, sdk-shim, {self.target}", OWN_APP, "", (self.target,))
        yield from containers(own, self.make_folder("container-own"), self.runs or 7)
        if self.sdk:
            official = Subject(f"official SDK and app, {self.target}", self.app, self.sdk, (self.target,))
            yield from containers(official, self.make_folder("container-official"), self.runs or 7)

    def image(self) -> Iterator[Result]:
        """Making the builder image."""
        yield from images(self.make_folder("image"), self.runs or 1)

    def load(self) -> Iterator[Result]:
        """Loading, as whole processes."""
        yield from load(self.loads)

    def transfer(self) -> Iterator[Result]:
        """Loading, as the device sees it."""
        yield from transfer(self.loads)

    def cable(self) -> Iterator[Result]:
        """Loading over a modelled USB link."""
        yield from cable(self.loads)

    def fleet(self) -> Iterator[Result]:
        """Loading onto eight devices at once."""
        yield from fleet(self.loads)

    def reload(self) -> Iterator[Result]:
        """Loading what is there."""
        yield from again(self.loads)

    def large(self) -> Iterator[Result]:
        """Loading an app of 400 KB."""
        yield from large(Loads(self.make_folder("large"), self.target, self.runs or 7, LARGE))

    def analysis(self) -> Iterator[Result]:
        """The static analyzer over every source, then once more with nothing changed."""
        name = f"{OWN_APP}, sdk-shim, {self.target}"
        subject = Subject(name, OWN_APP, "", (self.target,))
        if self.sdk:
            subject = Subject(f"official SDK and app, {self.target}", self.app, self.sdk, (self.target,))
        yield analyses(subject, self.make_folder("analysis"), self.runs or 5)
        yield second(subject, self.make_folder("reanalysis"), self.runs or 5)

    def verify(self) -> Iterator[Result]:
        """Every rule but the analyzer, then once more with nothing changed."""
        subject = Subject(f"{OWN_APP} repeated, sdk-shim, {self.target}", OWN_APP, "", (self.target,))
        yield from rules(subject, self.make_folder("verify"), self.runs or 7)

    def signing(self) -> Iterator[Result]:
        """Signing many digests in an HSM."""
        yield signing(self.make_folder("signing"), self.runs or 7)

    def verification(self) -> Iterator[Result]:
        """Checking a release bundle."""
        yield from verification(self.make_folder("verification"), self.runs or 11)

    def log(self) -> Iterator[Result]:
        """Keeping a transparency log."""
        yield from log(self.make_folder("log"), self.runs or 11)

    def shim(self) -> Iterator[Result]:
        """Make with sdk-shim beside make with the official SDK."""
        if not self.sdk:
            yield _no_sdk("shim", f"{OWN_APP}, {self.target}")
            return
        for app in (OWN_APP, self.app):
            subject = Subject(f"{Path(app).name}, {self.target}", app, self.sdk, (self.target,))
            yield clean_builds(subject, self.make_folder(f"shim-{Path(app).name}"), self.runs or 5)
            yield idle_builds(subject, self.make_folder(f"shim-noop-{Path(app).name}"), self.runs or 15)

    def _each(
        self, name: str, measure: Callable[[Subject, Path, int], Result], runs: int
    ) -> Iterator[Result]:
        own = Subject(f"{OWN_APP}, sdk-shim, {self.target}", OWN_APP, "", (self.target,))
        yield measure(own, self.make_folder(f"{name}-own"), runs)
        every = Subject(f"{OWN_APP}, sdk-shim, all three", OWN_APP, "", OWN_TARGETS)
        yield measure(every, self.make_folder(f"{name}-every"), runs)
        if self.sdk:
            official = Subject(f"official SDK and app, {self.target}", self.app, self.sdk, (self.target,))
            yield measure(official, self.make_folder(f"{name}-official"), runs)
        else:
            yield _no_sdk(name, f"official SDK and app, {self.target}")


def _no_sdk(comparison: str, subject: str) -> NotMeasured:
    fix = "clone ledger-secure-sdk and app-boilerplate, and name them with --sdk and --app"
    return NotMeasured(comparison, subject, "no official SDK was named", fix)


COMPARISONS = {
    "startup": Session.startup,
    "build": Session.build,
    "edit": Session.edit,
    "noop": Session.noop,
    "shim": Session.shim,
    "container": Session.container,
    "image": Session.image,
    "load": Session.load,
    "transfer": Session.transfer,
    "cable": Session.cable,
    "fleet": Session.fleet,
    "reload": Session.reload,
    "large": Session.large,
    "analysis": Session.analysis,
    "verify": Session.verify,
    "signing": Session.signing,
    "verification": Session.verification,
    "log": Session.log,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=COMPARISONS, help="may be given several times")
    parser.add_argument("--out", type=Path, help="file for the results as JSON")
    parser.add_argument("--target", default="nanosp", help="default: nanosp")
    parser.add_argument("--sdk", default="", help="folder of an official SDK checkout; goes with --app")
    parser.add_argument("--app", default="", help="folder of an app for that SDK")
    parser.add_argument("--json", action="store_true", help="results as one JSON object a line")
    parser.add_argument("--runs", type=int, default=0, help="runs of each contender; default: 7 to 21")
    return parser


def main() -> None:
    """Measure what the command line asks for."""
    parser = _parser()
    given = parser.parse_args()
    if bool(given.sdk) != bool(given.app):
        parser.error("--sdk and --app go together")
    if given.runs < 0:
        parser.error("--runs is a number of runs")
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    described = machine.describe()
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        session = Session(Path(name), given.target, given.runs, given.sdk, given.app)
        for comparison in given.only or COMPARISONS:
            print(f"{comparison} ...", file=sys.stderr, flush=True)
            results += COMPARISONS[comparison](session)
    if given.out:
        dist.write(given.out, json.dumps(to_json(results, described), indent=2) + "\n")
    if given.json:
        for result in results:
            Output(as_json=True).result("comparison", to_fields(result))
    else:
        console.print(table(results))


if __name__ == "__main__":
    try:
        main()
    except ToolchainError as error:
        print(f"error: {error}\n  fix: {error.hint}", file=sys.stderr)
        sys.exit(error.exit_code)
