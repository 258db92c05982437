"""What an app's repository needs so that a CI checks and releases it: workflows, shell recipes, a git hook.

The workflows call the recipes, so that whoever has no GitHub runs the same. Texts are templates beside this
module; ``[[ ]]`` is ours, ``${{ }}`` GitHub's.
"""

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import jinja2

from toolchain import dist
from toolchain.app import AppManifest
from toolchain.errors import ConfigError
from toolchain.target import Target

_HERE = Path(__file__).parent
_SOURCE = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)@(?P<commit>[0-9a-f]{40})", re.ASCII)
_CHECKS = {
    ".github/workflows/checks.yml": "checks.yml",
    "ci/checks.sh": "checks.sh",
    ".githooks/pre-commit": "pre-commit",
}
_RELEASE = {".github/workflows/release.yml": "release.yml", "ci/release.sh": "release.sh"}
_FUZZERS = ("fuzzing", "fuzz", "tests/fuzzing", "tests/fuzz")


@dataclass(frozen=True)
class Source:
    """A repository of GitHub at a commit."""

    repository: str
    commit: str

    @classmethod
    def parse(cls, text: str, what: str) -> Self:
        """``OWNER/NAME@COMMIT``; ``what`` says whose it is.

        Raises:
            ConfigError: something else; a tag or a branch can be moved.
        """
        match = _SOURCE.fullmatch(text)
        if not match:
            raise ConfigError(
                f"{what} is OWNER/NAME@COMMIT, with all 40 digits of the commit, not {text!r}",
                hint="git rev-parse HEAD tells the commit",
            )
        return cls(match["repository"], match["commit"])


@dataclass(frozen=True)
class Plan:
    """What is written for which app.

    ``units`` and ``fuzzers`` are folders with a CMakeLists.txt, ``functional`` one with tests for Ragger,
    relative to the app; empty if the app has none. ``toolchain`` and ``sdk`` are what a workflow checks out
    beside the app; without an SDK it is the toolchain's own. ``signs`` lets the CI hold the app key.
    """

    app: AppManifest
    targets: tuple[Target, ...]
    toolchain: Source
    sdk: Source | None
    policy: str
    units: str
    fuzzers: str
    functional: str
    signs: bool = False

    @classmethod
    def of(
        cls,
        app: AppManifest,
        targets: Sequence[Target],
        toolchain: Source,
        sdk: Source | None,
        policy: str,
        *,
        signs: bool,
    ) -> Self:
        """A plan for what the app has.

        Raises:
            ConfigError: the app declares none of ``targets``.
        """
        declared = tuple(target for target in targets if target.manifest_name in app.devices)
        if not declared:
            raise ConfigError("the app declares no device that is known here", where=str(app.directory))
        tables: Mapping[str, Any] = app.tables
        units = [tables.get("unit_tests", {}).get("directory"), tables.get("tests", {}).get("unit_directory")]
        functional = [table.get("directory") for table in tables.get("pytest", {}).values()]
        functional.append(tables.get("tests", {}).get("pytest_directory"))
        return cls(
            app=app,
            targets=declared,
            toolchain=toolchain,
            sdk=sdk,
            policy=policy,
            units=_first(app, units, "CMakeLists.txt"),
            fuzzers=_first(app, _FUZZERS, "CMakeLists.txt"),
            functional=_first(app, functional, "conftest.py"),
            signs=signs,
        )

    def missing(self) -> Iterator[str]:
        """What is left out because the app does not have it, as sentences for a person."""
        if not self.units:
            yield "no unit tests: ledger_app.toml names no folder with a CMakeLists.txt under [unit_tests]"
        if not self.fuzzers:
            yield f"no fuzzers: there is no CMakeLists.txt in any of {', '.join(_FUZZERS)}"
        if not self.functional:
            yield "no functional tests: no folder under [pytest.NAME] of ledger_app.toml has a conftest.py"


def _first(app: AppManifest, folders: Sequence[object], file: str) -> str:
    """The first of ``folders``, in one spelling, that has ``file``."""
    for folder in folders:
        # Paths of the manifest stay in the app's folder; AppManifest saw to it.
        if folder and (app.directory / str(folder) / file).is_file():
            return Path(str(folder)).as_posix()
    return ""


def render(plan: Plan, *, release: bool) -> Mapping[str, str]:
    """Path relative to the app → text of the file; ``release`` adds what releases."""
    names = _CHECKS | (_RELEASE if release else {})
    return {path: _template(name).render(plan=plan, uses=_actions()) for path, name in names.items()}


@functools.cache
def _actions() -> Mapping[str, str]:
    """What ``uses:`` says of each action."""
    table = tomllib.loads((_HERE / "actions.toml").read_text("utf-8"))
    return {key: f"{a['name']}@{a['commit']} # {a['version']}" for key, a in table.items()}


def _template(name: str) -> jinja2.Template:
    environment = jinja2.Environment(
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - no markup; what comes in was matched or named by us
    )
    return environment.from_string((_HERE / name).read_text("utf-8"))


def write(folder: Path, files: Mapping[str, str], *, force: bool) -> tuple[Path, ...]:
    """Write ``files`` below ``folder``: all or, if one is there and differs, none; ``force`` replaces it.

    Raises:
        ConfigError: a file is there, or a path leads out of the folder through a link.
        ToolchainError: the folder cannot be written.
    """
    root = folder.resolve()
    paths = {root / name: text for name, text in files.items()}
    for path, text in paths.items():
        if not path.resolve().is_relative_to(root) or path.is_symlink():
            raise ConfigError("a link leads away from here", where=str(path))
        if path.exists() and not force and dist.read(path) != text.encode():
            raise ConfigError(
                "the file is there, and says something else; nothing was written",
                hint="compare the two, or replace it with --force",
                where=str(path),
            )
    for path, text in paths.items():
        dist.write(path, text)
        if text.startswith("#!"):
            path.chmod(0o755)
    return tuple(paths)
