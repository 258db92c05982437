"""The icon in the device's menu, and the pictures of its screens."""

import hashlib
from collections.abc import Iterator
from pathlib import PurePosixPath

from toolchain.errors import ImageError
from toolchain.verify.icons import Icon, glyph_size, read_icon, read_pixels
from toolchain.verify.makefile import find, unquoted, words
from toolchain.verify.model import Candidate, Location, Problem, Severity, rule

_EXTENSIONS = {".gif": "gif", ".png": "png", ".bmp": "bmp"}

_ELF = Location("app.elf", root="build")

_TEMPLATES = frozenset(
    {
        "7c8e92a365bd1f66844520b120896189549c599296273d5cbf3254ad5a3291a7",
        "67ccabbe3f854285df58865cb01aee8bcb62ca1fb8366b3d917a1f7313968e2c",
        "853c1c516e85db7c8de0bae9040effd36f9c6b4b108dae014f60b1331bbbbbc0",
        "fce83f755ba3fc69ad18a018c79ff110d56684583318b13e723403bbcec6cb83",
    }
)
"""SHA-256 of the template's icons as the parameter block of an app holds them: Nano X and S Plus, Flex,
Apex P, Stax (app-boilerplate v2.3.1, SDK v25.13.0)."""

_SAME_ON = ("nanox", "nanosp")


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
        sizes.append((*size, _ELF))
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


@rule(
    "icon-not-template",
    Severity.ERROR,
    reason="Two apps with one icon in the menu are one app to the user.",
    source="guidelines enforcer, check_icons.sh: not the template's icon",
    fix="draw an icon of your own",
)
def icon_not_template(candidate: Candidate) -> Iterator[Problem]:
    """The icon in the parameter block is not that of the vendor's template, whatever its file is called."""
    params = candidate.install_params
    if params and params.icon and hashlib.sha256(params.icon).hexdigest() in _TEMPLATES:
        yield Problem("the icon is that of the template", Location(_path(candidate) or candidate.makefile))


@rule(
    "icon-polarity-border",
    Severity.WARNING,
    reason="An icon on white is a bright square in a menu that is black; one without a border touches it.",
    source="vendor's design requirements: white on black for Nano X and Nano S Plus, a quiet border",
    fix="swap black and white in the icon",
)
def icon_polarity_border(candidate: Candidate) -> Iterator[Problem]:
    """The icon in the block: dark at its edge where the menu is; a border of one colour, which is advice."""
    params, target = candidate.install_params, candidate.target
    columns = read_pixels(params.icon) if params and params.icon and target.can("nbgl") else None
    if columns is None:
        return
    place = Location(_path(candidate) or candidate.makefile)
    corners = columns[0][0] + columns[0][-1] + columns[-1][0] + columns[-1][-1]
    edge = columns[0] + columns[-1] + "".join(column[0] + column[-1] for column in columns[1:-1])
    if not target.can("touch") and "0" not in corners and 2 * edge.count("1") > len(edge):
        yield Problem("the icon's background is white", place)
    if "0" in edge and "1" in edge:
        fix = "leave the outermost pixels in the colour of the background"
        yield Problem("the icon's drawing touches its edge", place, Severity.ADVICE, fix)


@rule(
    "icon-same-on-nano",
    Severity.ADVICE,
    reason="Who changes from one device to the other looks for the icon that they know.",
    source="vendor's template: one picture of 14x14 pixels",
    fix="name one file in ICON_NANOX and ICON_NANOSP",
)
def icon_same_on_nano(candidate: Candidate) -> Iterator[Problem]:
    """Nano X and Nano S Plus have one picture, if the app is for both."""
    variables = candidate.app.variables
    names = [unquoted(variables.get(name, "")) for name in ("ICON_NANOX", "ICON_NANOSP")]
    if candidate.target.name not in _SAME_ON or not all(names) or names[0] == names[1]:
        return
    folder = candidate.app.manifest.build_directory
    files = [candidate.tree.read_bytes((folder / name).as_posix()) for name in names]
    if None not in files and files[0] != files[1]:
        yield Problem(f"{names[0]:.80} and {names[1]:.80} are two pictures", find(candidate, "ICON_NANOX"))


@rule(
    "glyph-geometry",
    Severity.WARNING,
    reason="The screens have places for pictures of a few sizes; others are cut, or out of line.",
    source="guidelines enforcer, check_icons.sh: size of glyphs per device",
    fix="draw the glyph in one of the device's sizes",
)
def glyph_geometry(candidate: Candidate) -> Iterator[Problem]:
    """Pictures of the app that were linked, and that the SDK has none of: square, in a size of the device."""
    sides, icon = candidate.target.glyphs, _path(candidate)
    glyphs = words(candidate.app.variables.get("GLYPH_FILES", ""))
    # The SDK's arrows have four by seven pixels, and so have the copies in the glyphs/ of many apps.
    originals = {PurePosixPath(path).stem for path in glyphs if path.startswith("<sdk>/")}
    for path in candidate.tree.files:
        file = PurePosixPath(path)
        if file.stem in originals:
            continue
        linked = {f"C_{file.stem}", f"C_{file.stem}_bitmap"} & candidate.elf.symbols.keys()
        if file.suffix.lower() not in _EXTENSIONS or not linked or path == icon:
            continue
        try:
            glyph = read_icon(candidate.tree.read_bytes(path) or b"")
        except ImageError as e:
            yield Problem(e.message, Location(path))
            continue
        if glyph.width != glyph.height or glyph.width not in sides:
            sizes = ", ".join(f"{side}x{side}" for side in sides)
            yield Problem(
                f"the glyph is {glyph.width}x{glyph.height}, {candidate.target.title} has {sizes}",
                Location(path),
            )
