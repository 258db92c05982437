"""How a load looks; apart from the other views, because it needs no tables. Only ``tasks.py`` imports it."""

from toolchain.console import Output
from toolchain.package import Loaded, Package


def loaded_fields(package: Package, loaded: Loaded) -> dict[str, object]:
    """What every confirmed install says in JSON."""
    return {
        "app": package.manifest.app,
        "version": package.manifest.version,
        "target": package.manifest.target,
        "device": loaded.device,
        "digest": loaded.installed.app.full_hash.hex(),
        "confirmed": True,
        "unchanged": loaded.installed.commands == 0,
        "issuer": loaded.issuer,
        "unsafe": list(loaded.unsafe),
        "apdus": loaded.installed.commands,
    }


def installed(out: Output, package: Package, loaded: Loaded) -> None:
    """One confirmed install."""
    manifest = package.manifest
    done = "was already there" if loaded.installed.commands == 0 else f"{loaded.installed.commands} commands"
    who = f"certified by {loaded.issuer}" if loaded.issuer else "UNKNOWN ISSUER"
    text = (
        f"{manifest.app} {manifest.version} on {manifest.target} ({loaded.device}, {who}), {done}: "
        f"{package.image.digest().hex()}, confirmed by the device"
    )
    out.result("installed", loaded_fields(package, loaded), text)
