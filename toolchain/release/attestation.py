"""Rebuild attestations: an independent builder states which images it got from the same source."""

from collections.abc import Mapping, Sequence

from toolchain.dsse import IN_TOTO, Envelope, open_payload, seal
from toolchain.errors import VerificationError
from toolchain.image import Image
from toolchain.manifest import Provenance
from toolchain.release.images import statement
from toolchain.release.policy import Party, ReleasePolicy

REBUILD = "urn:nano-toolchain:rebuild:v1"
"""Predicate type."""


def attest(images: Mapping[str, Image], provenance: Mapping[str, Provenance], builder: str) -> Envelope:
    """What the builder of that name states about its own images, by target; to be signed with its key."""
    builds = {
        target: {"commit": p.commit, "compiler": p.compiler, "dirty": p.dirty, "platform": p.platform}
        for target, p in provenance.items()
    }
    names = {target: {"app": image.name, "version": image.version} for target, image in images.items()}
    predicate = {"builder": builder, "builds": builds, "names": names}
    return seal(IN_TOTO, statement(images, REBUILD, predicate))


def check_rebuilds(
    policy: ReleasePolicy,
    attestations: Sequence[Envelope],
    images: Mapping[str, Image],
    provenance: Mapping[str, Provenance],
) -> tuple[Party, ...]:
    """The builders that got the same images from the same commit; each attestation must be good.

    Raises:
        ImageError: not an attestation.
        VerificationError: an unknown builder, one twice, another image or commit, or fewer than the policy
            demands.
    """
    found: list[Party] = []
    for envelope in attestations:
        party = _builder(policy, envelope)
        if party in found:
            raise VerificationError(f"the builder {party.name} attested twice")
        _compare(envelope, images, provenance, party.name)
        found.append(party)
    if len(found) < policy.rebuilds:
        raise VerificationError(
            f"{len(found)} independent rebuilds, the policy demands {policy.rebuilds}",
            hint="run ./inv attest on another machine, and add what it writes",
        )
    return tuple(found)


def _builder(policy: ReleasePolicy, envelope: Envelope) -> Party:
    ids = [signature.key_id for signature in envelope.signatures]
    for party in policy.builders:
        if ids == [party.public_key.key_id] and envelope.signed_by(party.public_key):
            return party
    raise VerificationError("a rebuild is not attested by exactly one builder of the policy")


def _compare(
    envelope: Envelope, images: Mapping[str, Image], provenance: Mapping[str, Provenance], builder: str
) -> None:
    table = open_payload(envelope, IN_TOTO, where=f"rebuild by {builder}")
    predicate = table.get("predicate")
    builds = predicate.get("builds") if isinstance(predicate, dict) else None
    if not isinstance(predicate, dict) or not isinstance(builds, dict):
        raise VerificationError(f"{builder} did not attest a rebuild")
    names = {target: {"app": image.name, "version": image.version} for target, image in images.items()}
    expected = statement(images, REBUILD, {"builder": builder, "builds": builds, "names": names})
    if table != expected:
        raise VerificationError(
            f"the rebuild by {builder} is not the same",
            hint="compare both builds with ./inv reproduce: one of the machines is not to be trusted",
        )
    sources = {target: build.get("commit") for target, build in builds.items() if isinstance(build, dict)}
    dirty = any(build.get("dirty") is not False for build in builds.values() if isinstance(build, dict))
    if dirty or sources != {target: p.commit for target, p in provenance.items()}:
        raise VerificationError(f"{builder} built from another source")
