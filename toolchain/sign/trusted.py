"""Whom somebody trusts who has an issuer's public record, and the chain of its key beside it."""

from pathlib import Path

from toolchain import dist
from toolchain.keys import PublicKey
from toolchain.sign.record import KeyRecord, chain_path

_MAX_CHAIN = 1 << 20


def trusted_keys(path: Path, record: KeyRecord) -> tuple[PublicKey, ...]:
    """The key of the ``record`` in ``path``, and those that it and its successors named, oldest first.

    Raises:
        ConfigError, ImageError: the chain cannot be read.
        SigningError: one of the keys was revoked, or the chain is not good, or about other keys.
    """
    record.require_trusted()
    file = chain_path(path)
    if not file.exists():
        return (record.key,)
    from toolchain.chain import Chain

    chain = Chain.from_json(dist.read(file, limit=_MAX_CHAIN), where=str(file))
    return chain.trusted_by(record.key, record.role)
