"""Images as canonical JSON, and as subjects of in-toto statements."""

import base64
import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from toolchain.dsse import parse_canonical
from toolchain.errors import ImageError
from toolchain.image import Image, Segment
from toolchain.manifest import canonical_json, read_as

SCHEMA = "app-image/1"
STATEMENT = "https://in-toto.io/Statement/v1"


@dataclass(frozen=True)
class _SegmentRecord:
    address: int
    data: str


@dataclass(frozen=True)
class _ImageFile:
    name: str
    version: str
    target_id: int
    target_version: str
    api_level: int | None
    segments: tuple[_SegmentRecord, ...]
    code_length: int
    data_length: int
    params_length: int
    flags: int
    boot_offset: int


def image_to_json(image: Image) -> bytes:
    """Canonical JSON of an image, with the data of its segments in base64."""
    segments = [
        {"address": s.address, "data": base64.b64encode(s.data).decode("ascii")} for s in image.segments
    ]
    figures = {f.name: getattr(image, f.name) for f in dataclasses.fields(image) if f.name != "segments"}
    return canonical_json({"schema": SCHEMA, **figures, "segments": segments}).encode()


def image_from_json(data: bytes, *, where: str = "image.json") -> Image:
    """Read what ``image_to_json`` wrote, byte for byte.

    Raises:
        ImageError: anything else, or an image that no device could take.
    """
    table = parse_canonical(data, where=where)
    if table.pop("schema", None) != SCHEMA:
        raise ImageError(f"not an {SCHEMA}", where=where)
    record = read_as(_ImageFile, table, where=where)
    figures = {f.name: getattr(record, f.name) for f in dataclasses.fields(record) if f.name != "segments"}
    try:
        segments = tuple(Segment(s.address, base64.b64decode(s.data, validate=True)) for s in record.segments)
    except ValueError as e:
        raise ImageError("a segment is not base64", where=where) from e
    image = Image(segments=segments, **figures)
    if image_to_json(image) != data:
        raise ImageError("not an image in its canonical form", where=where)
    return image


def subjects(images: Mapping[str, Image]) -> list[dict[str, object]]:
    """in-toto subjects, one per target: the hash of its image file, and the hash that the device shows."""
    return [
        {
            "name": f"targets/{target}/image.json",
            "digest": {
                "appHash": images[target].digest().hex(),
                "sha256": hashlib.sha256(image_to_json(images[target])).hexdigest(),
            },
        }
        for target in sorted(images)
    ]


def statement(images: Mapping[str, Image], predicate_type: str, predicate: object) -> dict[str, object]:
    """An in-toto statement (v1) about ``images``, by target."""
    return {
        "_type": STATEMENT,
        "subject": subjects(images),
        "predicateType": predicate_type,
        "predicate": predicate,
    }
