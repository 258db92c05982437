"""Devices as data: one TOML file each in ``targets/``, no code that asks for a device by name."""

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolchain.errors import ConfigError

_FOLDER = Path(__file__).parent / "targets"


@dataclass(frozen=True)
class Region:
    """A range of addresses, in bytes."""

    origin: int
    length: int

    @property
    def end(self) -> int:
        """First address behind the region."""
        return self.origin + self.length


@dataclass(frozen=True)
class IconGeometry:
    """Size in pixels and bits per pixel of the icon that the device's menu shows."""

    width: int
    height: int
    bpp: int


@dataclass(frozen=True)
class Screen:
    """Size of the display in pixels."""

    width: int
    height: int


@dataclass(frozen=True)
class Target:
    """A device that apps are built for; ``targets/<name>.toml`` names the source of each figure.

    ``sdk_name`` is what make calls it (``TARGET=``), ``sdk_define`` the C macro (``TARGET_NANOS2``).
    ``version`` is the text that enters the digest (loader protocol §13), ``api_level`` None where the
    create-app command has none. ``page_size`` is the unit that code and data are padded to,
    ``list_block_size`` the unit in which the device reports used flash; all in bytes. ``glyphs`` are the
    sides, in pixels, of the square pictures that its screens show; ``chip`` is the C macro of the secure
    element (``ST33K1M5``).
    """

    name: str
    title: str
    aliases: tuple[str, ...]
    manifest_name: str
    sdk_name: str
    sdk_define: str
    id: int
    version: str
    api_level: int | None
    cpu: str
    flash: Region
    sram: Region
    page_size: int
    list_block_size: int
    stack_minimum: int
    trampoline: int
    rwpi: bool
    icon: IconGeometry
    glyphs: tuple[int, ...]
    capabilities: frozenset[str]
    sources: Mapping[str, str] = field(hash=False, repr=False)
    chip: str
    screen: Screen

    @property
    def channel_generation(self) -> int:
        """Low nibble of the target id; selects handshake and channel (loader protocol §3)."""
        return self.id & 0xF

    def can(self, capability: str) -> bool:
        """Whether the device has ``capability``: bagl, ble, nbgl, touch."""
        return capability in self.capabilities


def _read(path: Path) -> Target:
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
        return Target(
            name=path.stem,
            title=table["title"],
            aliases=tuple(table["aliases"]),
            manifest_name=table["manifest_name"],
            sdk_name=table["sdk_name"],
            sdk_define=table["sdk_define"],
            id=table["id"],
            version=table["version"],
            api_level=table.get("api_level"),
            cpu=table["cpu"],
            flash=Region(**table["flash"]),
            sram=Region(**table["sram"]),
            page_size=table["page_size"],
            list_block_size=table["list_block_size"],
            stack_minimum=table["stack_minimum"],
            trampoline=table["trampoline"],
            rwpi=table["rwpi"],
            icon=IconGeometry(**table["icon"]),
            glyphs=tuple(table["glyphs"]),
            capabilities=frozenset(table["capabilities"]),
            sources=table["sources"],
            chip=table["chip"],
            screen=Screen(**table["screen"]),
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as e:
        raise ConfigError(f"target file is incomplete or malformed: {e}", where=str(path)) from e


@functools.cache
def targets() -> tuple[Target, ...]:
    """Every target of the folder, in the order of their names' files."""
    return tuple(_read(path) for path in sorted(_FOLDER.glob("*.toml")))


def get_target(name: str) -> Target:
    """The target of that name or alias.

    Raises:
        ConfigError: no such target.
    """
    for target in targets():
        if name.lower() in (target.name, *target.aliases):
            return target
    known = ", ".join(t.name for t in targets())
    raise ConfigError(f"no target is called {name!r}", hint=f"choose one of: {known}")


def target_by_id(target_id: int) -> Target | None:
    """The target with that 32-bit id, or None."""
    return next((t for t in targets() if t.id == target_id), None)
