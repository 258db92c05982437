"""The icon in the device's menu."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from toolchain.errors import ImageError
from toolchain.verify.icons import Icon, glyph_size, read_icon
from toolchain.verify.makefile import find
from toolchain.verify.model import Candidate, Location, Problem, Severity, rule

_EXTENSIONS = {".gif": "gif", ".png": "png", ".bmp": "bmp"}


def _path(candidate: Candidate) -> str | None:
    """The icon's path relative to the app."""
    icon = candidate.app.icon
    return None if icon is None else (candidate.app.manifest.build_directory / icon).as_posix()


def _icon(candidate: Candidate) -> Icon | None:
    """The icon, if there is one that can be read; other findings say so if not."""
    path = _path(candidate)
    data = candidate.tree.read_bytes(path) if path else None
    try:
        return read_icon(data) if data else None
    except ImageError:
        return None


@rule(
    "icon-exists",
    Severity.ERROR,
    reason="Without an icon the SDK builds an app that has none, and says nothing.",
    source="SDK v25.13.0, Makefile.standard_app: ICONNAME; Makefile.app_params: icon",
    fix="set ICON_NANOSP and its kin to a file that exists",
)
def icon_exists(candidate: Candidate) -> Iterator[Problem]:
    """The makefile names an icon, its file can be read, and the parameter block holds one."""
    path, params = _path(candidate), candidate.install_params
    if path is None:
        yield Problem("the makefile names no icon for this target", Location(candidate.makefile))
        return
    data = candidate.tree.read_bytes(path)
    if data is None:
        yield Problem(f"the icon {path} does not exist", find(candidate, str(candidate.app.icon)))
        return
    try:
        read_icon(data)
    except ImageError as e:
        yield Problem(e.message, Location(path))
    if params and not params.icon:
        yield Problem("the parameter block has no icon", Location(path))


@rule(
    "icon-geometry",
    Severity.ERROR,
    reason="An icon of another size is cut, or breaks the menu.",
    source="guidelines enforcer, check_icons.sh: size per device",
    fix="draw the icon in the device's size",
)
def icon_geometry(candidate: Candidate) -> Iterator[Problem]:
    """Size of the file, and of what the parameter block holds."""
    wanted = candidate.target.icon
    icon, params, path = _icon(candidate), candidate.install_params, _path(candidate)
    sizes = [(icon.width, icon.height, Location(path or ""))] if icon else []
    if params and params.icon and candidate.target.can("nbgl") and (size := glyph_size(params.icon)):
        sizes.append((*size, Location("app.elf", root="build")))
    for width, height, place in sizes:
        if (width, height) != (wanted.width, wanted.height):
            size_text = f"{wanted.width}x{wanted.height}"
            yield Problem(f"the icon is {width}x{height}, {candidate.target.title} has {size_text}", place)


@rule(
    "icon-format",
    Severity.ERROR,
    reason="Transparent or moving pictures have no meaning in the menu.",
    source="guidelines enforcer, check_icons.sh: no alpha, one picture, GIF, PNG or BMP",
    fix="save it as one picture without transparency, under the extension of its format",
)
def icon_format(candidate: Candidate) -> Iterator[Problem]:
    """Extension and contents agree; one picture; nothing transparent."""
    icon, path = _icon(candidate), _path(candidate)
    if icon is None or path is None:
        return
    extension = PurePosixPath(path).suffix.lower()
    if _EXTENSIONS.get(extension) != icon.kind:
        yield Problem(f"the file is a {icon.kind.upper()}, its name ends in {extension!r}", Location(path))
    if icon.transparent:
        yield Problem("the icon has transparent pixels", Location(path))
    if icon.frames != 1:
        yield Problem(f"the icon has {icon.frames} pictures", Location(path))
