"""The bill of materials in CycloneDX 1.6 JSON: what went into an app, each part with its hash.

Deterministic: the serial number is derived from the content, the time is the source's (SOURCE_DATE_EPOCH).
"""

import datetime
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from toolchain.manifest import canonical_json

PartKind = Literal["source", "sdk", "compiler", "library", "icon"]


@dataclass(frozen=True)
class Part:
    """Something that went into an app. ``version`` and ``sha256`` (hex) are empty where there is none."""

    kind: PartKind
    name: str
    version: str = ""
    sha256: str = ""


def sbom(app: str, version: str, parts: Sequence[Part], *, source_date_epoch: int) -> bytes:
    """Canonical JSON of the bill; the order of ``parts`` does not matter."""
    from cyclonedx.model import HashAlgorithm, HashType, Property
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6

    types = {
        "source": ComponentType.FILE,
        "sdk": ComponentType.FRAMEWORK,
        "compiler": ComponentType.APPLICATION,
        "library": ComponentType.LIBRARY,
        "icon": ComponentType.FILE,
    }

    def component(part: Part) -> Component:
        hashes = [HashType(alg=HashAlgorithm.SHA_256, content=part.sha256)] if part.sha256 else []
        reference = f"{part.kind}:{part.name}:{part.version}:{part.sha256}"
        return Component(
            type=types[part.kind],
            name=part.name,
            version=part.version or None,
            hashes=hashes,
            bom_ref=reference,
            properties=[Property(name="nano-toolchain:kind", value=part.kind)],
        )

    ordered = sorted(set(parts), key=lambda p: (p.kind, p.name, p.version, p.sha256))
    content = canonical_json([app, version, source_date_epoch, [vars(part) for part in ordered]])
    root = Component(type=ComponentType.FIRMWARE, name=app, version=version, bom_ref=f"app:{app}:{version}")
    components = [component(part) for part in ordered]
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, content),
        components=components,
        metadata=BomMetaData(
            component=root, timestamp=datetime.datetime.fromtimestamp(source_date_epoch, tz=datetime.UTC)
        ),
    )
    bom.register_dependency(root, components)
    return canonical_json(json.loads(JsonV1Dot6(bom).output_as_string())).encode()
