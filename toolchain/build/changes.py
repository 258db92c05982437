"""What changed since the run before, and whether make will notice."""

import os
from pathlib import Path

from toolchain.build.commands import SOURCES
from toolchain.build.result import Kept
from toolchain.build.sources import Sources, Stamp, Stamps

TRACKED = (*SOURCES, ".h")
"""Endings of files that compilers say they read, if asked to."""

EMBEDS = (b"incbin", b".include")
"""Directives of assemblers: what they read, no list of headers mentions."""

_LISTS_HEADERS = frozenset({"-MMD", "-MD"})
"""Options with which a compiler writes down what it read."""


def is_finished(kept: Kept, sources: Sources) -> bool:
    """Whether the run before made an app of this commit."""
    if not kept.fingerprint or kept.provenance is None:
        return False
    then = kept.provenance.commit, kept.provenance.dirty, kept.provenance.source_date_epoch
    return then == (sources.commit, sources.dirty, sources.epoch)


def changed_sources(before: Stamps, after: Stamps) -> set[str]:
    """Sources with another time whose copies were written again, since their bytes differed."""
    return {
        name
        for name, (source, copy) in after.items()
        if source != before[name][0] and _without_ctime(copy) != _without_ctime(before[name][1])
    }


def _without_ctime(stamp: Stamp | None) -> Stamp | None:
    """A folder that was packed and unpacked, between two runs of a CI, keeps all but this."""
    return stamp and stamp[:3]


def make_notices(copy: Path, kept: Kept, changed: set[str]) -> bool:
    """Whether make sees that what depends on ``changed`` is old.

    It does for sources that it compiles itself, and for headers if compilers write down what they read. What
    else makefiles read (icons, tables), they seldom say, and what an assembler embeds, nobody does.
    """
    if not all(name.endswith(TRACKED) for name in changed):
        return False
    inside, compiled, lists = f"{copy}/", set(), True
    for command in (step.command for step in kept.steps.values() if step.command.file):
        path = os.path.normpath(os.path.join(command.directory, command.file))  # noqa: PTH118 - many, and fast
        if path.startswith(inside):
            compiled.add(path.removeprefix(inside))
            lists = lists and not _LISTS_HEADERS.isdisjoint(command.arguments)
    if any(_embeds(copy / name) for name in kept.stamps if name.endswith(TRACKED)):
        return False
    return lists or changed <= compiled


def _embeds(path: Path) -> bool:
    data = path.read_bytes() if path.is_file() else b""
    return any(word in data for word in EMBEDS)
