"""Write app_params.S: the ELF's metadata (sections ledger.*) and the install parameters.

Install parameters are a list of tag, length, value (loader protocol §10): 1 name, 2 version, 3 icon,
4 curves and paths that the app may derive keys on, 6 other apps that it needs. Standard library only.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

TAG_NAME = 1
TAG_VERSION = 2
TAG_ICON = 3
TAG_DERIVATION = 4
TAG_DEPENDENCY = 6

CURVES = {"secp256k1": 1, "secp256r1": 2, "prime256r1": 2, "ed25519": 4, "slip21": 8, "bls12381g1": 16}
ANY_CURVE = 0xFF
HARDENED = 0x80000000
ANY_ELEMENT = 0x7FFFFFFF
SLIP21_PATH = 0x80


def encode_value(value: bytes) -> bytes:
    """Length as in BER, then the value."""
    size = len(value)
    if size < 0x80:
        return bytes([size]) + value
    if size < 0x100:
        return bytes([0x81, size]) + value
    return bytes([0x82]) + size.to_bytes(2, "big") + value


def encode_tlv(tag: int, value: bytes) -> bytes:
    """Tag, length, value."""
    return bytes([tag]) + encode_value(value)


def encode_path(path: str) -> bytes:
    """``44'/1'/*`` as count and words, big endian.

    Raises:
        ValueError: an element is not a number below 2^31, optionally with an apostrophe, or a star.
    """
    words = []
    for element in path.split("/"):
        hardened = element.endswith("'")
        index = ANY_ELEMENT if element == "*" else int(element.removesuffix("'"))
        if not 0 <= index < HARDENED:
            raise ValueError(f"path element {element!r} is out of range")
        words.append(index | (HARDENED if hardened else 0))
    if len(words) > 10:
        raise ValueError(f"path {path!r} has more than 10 elements")
    return bytes([len(words)]) + b"".join(word.to_bytes(4, "big") for word in words)


def encode_derivation(curves: Sequence[str], paths: Sequence[str], slip21_paths: Sequence[str]) -> bytes:
    """Curve mask, then each path.

    Raises:
        ValueError: unknown curve or malformed path.
    """
    mask = 0
    for curve in curves:
        if curve not in CURVES:
            raise ValueError(f"curve {curve!r} is none of {', '.join(CURVES)}")
        mask |= CURVES[curve]
    if slip21_paths and mask:
        mask |= CURVES["slip21"]
    value = bytes([mask or ANY_CURVE]) + b"".join(encode_path(path) for path in paths if path)
    for path in slip21_paths:
        label = b"\0" + path.encode("ascii")
        value += bytes([SLIP21_PATH | len(label)]) + label
    if slip21_paths and not any(paths):
        value += b"\0"  # any path for ordinary keys
    return value


def encode_dependency(dependency: str) -> bytes:
    """``Name`` or ``Name:version``."""
    return b"".join(encode_value(part.encode("ascii")) for part in dependency.split(":", 1))


def encode_install_params(
    *,
    name: str,
    version: str,
    icon: bytes,
    derivation: bytes,
    raw: Iterable[str] = (),
    dependencies: Iterable[str] = (),
) -> bytes:
    """The whole list, in the order of the official SDK's tool."""
    parts = [encode_tlv(TAG_DEPENDENCY, encode_dependency(d)) for d in dependencies]
    for item in raw:
        tag, _, value = item.partition(":")
        parts.append(encode_tlv(int(tag, 16), bytes.fromhex(value)))
    parts.append(encode_tlv(TAG_NAME, name.encode("ascii")))
    if version:
        parts.append(encode_tlv(TAG_VERSION, version.encode("ascii")))
    if icon:
        parts.append(encode_tlv(TAG_ICON, icon))
    parts.append(encode_tlv(TAG_DERIVATION, derivation))
    return b"".join(parts)


def assembler_bytes(data: bytes) -> list[str]:
    """Directives that lay down the bytes."""
    rows = (data[i : i + 16] for i in range(0, len(data), 16))
    return [f"  .byte {', '.join(f'{b:#04x}' for b in row)}" for row in rows]


def read_icon(path: str, graphics: str) -> bytes:
    """The icon in the form of tag 3, empty if there is no path."""
    if not path:
        return b""
    from image import icon_parameter, read_image

    return icon_parameter(read_image(Path(path)), graphics)


def render(options: argparse.Namespace) -> str:
    """The source text."""
    metadata = {
        "target": options.target,
        "target_id": options.target_id,
        "target_name": options.target_name,
        "target_version": options.target_version,
        "api_level": options.api_level,
        "app_name": options.app_name,
        "app_version": options.app_version,
        "app_flags": options.app_flags,
        "sdk_name": options.sdk_name,
        "sdk_version": options.sdk_version,
        "sdk_hash": options.sdk_hash,
        "sdk_graphics": options.graphics,
    }
    install_params = encode_install_params(
        name=options.app_name,
        version=options.app_version,
        icon=read_icon(options.icon, options.graphics),
        derivation=encode_derivation(options.curve, options.path, options.path_slip21),
        raw=options.tlvraw,
        dependencies=options.dep,
    )
    lines = []
    for name, text in metadata.items():
        if text:
            lines += [f'  .section ledger.{name}, "", %progbits  /* {text.replace("/", "|")} */']
            lines += assembler_bytes(text.encode("ascii"))
    lines += [
        '  .section .install_parameters, "a", %progbits',
        "  .global install_parameters",
        "  .type install_parameters, %object",
        "install_parameters:",
        *assembler_bytes(install_params),
        "  .size install_parameters, . - install_parameters",
    ]
    return "\n".join(lines) + "\n"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Command line options."""
    parser = argparse.ArgumentParser(description="Write app_params.S.")
    for name in ("target", "target-id", "target-name", "app-name", "app-version", "app-flags"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("sdk-name", "sdk-version", "sdk-hash", "graphics", "output"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("target-version", "api-level", "icon"):
        parser.add_argument(f"--{name}", default="")
    for name in ("curve", "path", "path_slip21", "tlvraw", "dep"):
        parser.add_argument(f"--{name}", action="append", default=[])
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> str | None:
    """Write the file; the message of what is wrong with the makefile's variables, if anything."""
    options = parse(arguments)
    try:
        text = render(options)
    except (ValueError, OSError) as e:
        return f"install parameters: {e}"
    Path(options.output).write_text(text, "ascii")
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
