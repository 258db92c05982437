"""Provenance of one build as an in-toto statement with the SLSA predicate, version 1.

It says how the image came about, and claims SLSA Build Level 1: that provenance exists. Levels 2 and 3 are
about a hosted builder that signs and is isolated; a build on somebody's machine cannot claim them.
"""

from toolchain.image import Image
from toolchain.manifest import Provenance, canonical_json
from toolchain.release.images import statement

PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:nano-toolchain:make:v1"
LEVEL = "SLSA_BUILD_LEVEL_1"


def provenance_statement(target: str, image: Image, provenance: Provenance) -> bytes:
    """Canonical JSON of the statement about the image for ``target``."""
    predicate = {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "app": image.name,
                "version": image.version,
                "target": target,
                "commit": provenance.commit,
            },
            "internalParameters": {
                "claimedLevel": LEVEL,
                "command": list(provenance.command),
                "environment": dict(provenance.environment),
                "platform": provenance.platform,
                "sourceDateEpoch": provenance.source_date_epoch,
                "uncommittedChanges": provenance.dirty,
            },
            "resolvedDependencies": [
                *(
                    [{"name": "source", "digest": {"gitCommit": provenance.commit}}]
                    if provenance.commit
                    else []
                ),
                {"name": "compiler", "annotations": {"identity": provenance.compiler}},
                {"name": "sdk", "annotations": {"identity": provenance.sdk}},
            ],
        },
        "runDetails": {"builder": {"id": f"urn:nano-toolchain:builder:{provenance.builder}"}},
    }
    return canonical_json(statement({target: image}, PREDICATE, predicate)).encode()
