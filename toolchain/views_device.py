"""How devices and their troubles look, for a person and as JSON lines. Only tasks import this module."""

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from toolchain.boot import Booted
from toolchain.console import Output
from toolchain.device.logs import Mention, Statement
from toolchain.device.status import Step
from toolchain.devices import Connection, Link, NotGenuine, ProvedGenuine
from toolchain.doctor import Check
from toolchain.errors import ConfigError, ToolchainError
from toolchain.fuzzing import Fuzzed
from toolchain.keys import PublicKey
from toolchain.load.diagnose import Condition, Diagnosis, NotReadyError
from toolchain.load.inventory import DeviceVersion, InstalledApp, Inventory, MemoryInfo
from toolchain.package import Package
from toolchain.target import Target, target_by_id

MAX_LOG = 1 << 24
"""Bytes of a log at most."""


def _rows(*rows: tuple[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        table.add_row(Text(name, "bold"), Text(value))
    return table


def _title(target_id: int) -> str:
    target = target_by_id(target_id)
    return target.title if target else "unknown model"


def _who(connection: Connection) -> dict[str, object]:
    """What every result over a channel says about the device."""
    issuer = connection.session.issuer
    return {
        "device": connection.uri,
        "issuer": issuer.name if issuer else "",
        "unsafe": [] if issuer else ["unsafe-unknown-issuer"],
    }


def _maker(connection: Connection) -> str:
    issuer = connection.session.issuer
    return f"{issuer.name} ({issuer.kind})" if issuer else "UNKNOWN ISSUER"


def info(out: Output, connection: Connection, version: DeviceVersion) -> None:
    """What the device is: what it said over the channel, and what it only claims in clear."""
    claimed = connection.claimed
    target = target_by_id(version.target_id)
    fields = {
        **_who(connection),
        "target": target.name if target else "",
        "target_id": f"{version.target_id:08x}",
        "os_version": version.os_version,
        "mcu_version": version.mcu_version,
        "mcu_hash": version.mcu_hash.hex(),
        "flags": list(version.flag_names),
        "claimed_bootloader_version": claimed.bootloader_version,
        "claimed_hardware_version": claimed.hardware_version.hex(),
        "claimed_language": claimed.language.hex(),
    }
    table = _rows(
        ("device", f"{_title(version.target_id)} ({version.target_id:08x})"),
        ("OS", version.os_version),
        ("MCU", version.mcu_version),
        ("boot loader", f"{claimed.bootloader_version or '-'} (claimed in clear)"),
        ("state", ", ".join(version.flag_names)),
        ("made by", _maker(connection)),
    )
    out.result("device", fields, table)


def _size(app: InstalledApp, target: Target | None) -> int | None:
    return None if app.blocks is None or target is None else app.blocks * target.list_block_size


def apps(out: Output, connection: Connection, there: Inventory) -> None:
    """Every app, and a custom CA, which is listed like one."""
    target = target_by_id(connection.session.target_id)
    table = Table("app", "size", "hash", "flags", box=None, header_style="bold", pad_edge=False)
    for app in there.apps:
        size = _size(app, target)
        fields = {
            **_who(connection),
            "name": app.name,
            "digest": app.full_hash.hex(),
            "code_data_hash": app.code_data_hash.hex() if app.code_data_hash else "",
            "size": size,
            "flags": list(app.flag_names),
        }
        out.result("installed-app", fields)
        shown = f"{app.name} (custom CA)" if app.is_custom_ca else app.name
        table.add_row(
            Text(shown),
            "-" if size is None else str(size),
            app.full_hash.hex(),
            ", ".join(app.flag_names),
        )
    out.show(table if there.apps else Text("no app is installed"))


def memory(out: Output, connection: Connection, room: MemoryInfo) -> None:
    """Flash and places for apps."""
    fields = {
        **_who(connection),
        "system": room.system,
        "applications": room.applications,
        "free": room.free,
        "slots_used": room.slots_used,
        "slots": room.slots,
    }
    table = _rows(
        ("free", f"{room.free} bytes"),
        ("apps", f"{room.applications} bytes"),
        ("system", f"{room.system} bytes"),
        ("places", f"{room.slots_used} of {room.slots}"),
    )
    out.result("memory", fields, table)


def deleted(out: Output, connection: Connection, asked: str, found: InstalledApp | None) -> None:
    """An app that is gone, or never was there."""
    fields = {
        **_who(connection),
        "asked": asked,
        "name": found.name if found else "",
        "digest": found.full_hash.hex() if found else "",
        "was_there": found is not None,
    }
    text = f"{found.name} is deleted, confirmed by the device" if found else f"{asked} was not installed"
    out.result("deleted", fields, Text(text))


def running(out: Output, link: Link, app: str) -> None:
    """An app that the device says it starts."""
    out.result("running", {"device": link.uri, "app": app}, Text(f"the device starts {app}"))


def genuine(out: Output, result: ProvedGenuine | NotGenuine) -> None:
    """The verdict, and what to be wary of.

    Raises:
        AuthenticationError: not genuine.
    """
    if isinstance(result, NotGenuine):
        reason = {"device": result.uri, "verdict": "not-genuine", "reason": result.error.message}
        out.result("genuine", reason, Text("NOT GENUINE", "bold red"))
        raise result.error
    check = result.check
    warnings = []
    if ca := check.custom_ca:
        warnings.append(f"a custom CA is enrolled ({ca.name}): whoever holds its key loads apps unasked")
    if check.version.custom_ca and not check.custom_ca:
        warnings.append("a custom CA is enrolled: whoever holds its key loads apps unasked")
    if app := check.replaced_interface:
        warnings.append(f"the app {app.name} stands in for the device's own user interface")
    if result.issuer.kind != "production":
        warnings.append(f"its issuer is {result.issuer.kind}: no maker of hardware vouches for it")
    fields = {
        "device": result.uri,
        "verdict": "genuine",
        "issuer": result.issuer.name,
        "issuer_kind": result.issuer.kind,
        "target_id": f"{check.version.target_id:08x}",
        "os_version": check.version.os_version,
        "warnings": warnings,
    }
    title = f"{_title(check.version.target_id)}, OS {check.version.os_version}"
    lines = [Text.assemble(("genuine", "bold green"), f": {title}, certified by {result.issuer.name}")]
    lines += [Text(f"warning: {warning}", "yellow") for warning in warnings]
    out.result("genuine", fields, Group(*lines))


def booted(out: Output, package: Package, ran: Booted) -> None:
    """An installed app that ran in the emulator."""
    fields = {
        "app": ran.name,
        "version": ran.version,
        "target": package.manifest.target,
        "digest": package.image.digest().hex(),
        "screen": list(ran.screen),
    }
    text = (
        f"{ran.name} {ran.version} for {package.manifest.target} boots from the device's flash, which holds "
        f"what was signed; it shows: {' / '.join(ran.screen)}"
    )
    out.result("booted", fields, Text(text))


def enrolled(out: Output, uri: str, name: str, key: PublicKey) -> None:
    """A custom CA that the device trusts now."""
    fields = {"device": uri, "name": name, "key_id": key.key_id, "point": key.point.hex()}
    text = f"the device trusts {name} (key {key.key_id}): loads signed with it need no confirmation"
    out.result("enrolled", fields, Text(text))


def removed(out: Output, uri: str, *, was_there: bool) -> None:
    """No custom CA any more."""
    text = "the device has forgotten its custom CA" if was_there else "the device has no custom CA"
    out.result("removed", {"device": uri, "was_there": was_there}, Text(text))


def fuzzed(out: Output, found: Sequence[Fuzzed]) -> None:
    """How often each parser was called, and what crashed it.

    Raises:
        ToolchainError: something did.
    """
    table = Table("parser", "inputs", "", box=None, header_style="bold", pad_edge=False)
    table.columns[1].justify = "right"
    for entry in found:
        fields = {"name": entry.name, "inputs": entry.inputs, "crash": entry.crash, "log": str(entry.log)}
        out.result("fuzz", fields)
        table.add_row(entry.name, f"{entry.inputs:,}", Text(entry.crash or "no crash"))
    out.show(table)
    crashed = [entry for entry in found if entry.crash]
    if crashed:
        raise ToolchainError(
            f"{len(crashed)} of {len(found)} parsers crash",
            hint=f"read {crashed[0].log}",
            where=crashed[0].crash,
        )


def checks(out: Output, found: Sequence[Check]) -> None:
    """What there is on this machine."""
    table = Table("check", "", "what", box=None, header_style="bold", pad_edge=False)
    for check in found:
        fields = {
            "check": check.name,
            "status": check.status,
            "detail": check.detail,
            "advice": check.advice,
        }
        out.result("check", fields)
        good = check.status == "ok"
        mark = Text("ok", "green") if good else Text("-", "yellow")
        table.add_row(check.name, mark, Text(check.detail if good else check.advice))
    out.show(table)


def diagnosis(out: Output, uri: str, found: Diagnosis) -> None:
    """The condition of the device.

    Raises:
        NotReadyError: it is not ready; the exit code says how.
    """
    fields = {
        "device": uri,
        "condition": found.condition,
        "detail": found.detail,
        "advice": found.advice,
        "target_id": f"{found.version.target_id:08x}" if found.version else "",
    }
    ready = found.condition is Condition.READY
    out.result("diagnosis", fields, Text(f"\ndevice: {found.detail}, ready") if ready else None)
    if not ready:
        raise NotReadyError(found)


def _statement(statement: Statement, step: Step | None) -> dict[str, object]:
    return {
        "sw": "" if statement.sw is None else f"{statement.sw:04x}",
        "name": statement.name,
        "step": step or "",
        "meaning": statement.meaning,
        "cause": statement.cause,
        "next": statement.next_step,
        "source": statement.source,
    }


def _shown(statement: Statement, step: Step | None) -> Table:
    code = "" if statement.sw is None else f"{statement.sw:04x} {statement.name}"
    rows = [("status word", code)] if code else []
    rows += [("step", step)] if step else []
    rows += [
        ("meaning", statement.meaning),
        ("likely cause", statement.cause),
        ("what to do", statement.next_step),
        ("source", statement.source),
    ]
    return _rows(*rows)


def word(out: Output, statement: Statement, step: Step | None) -> None:
    """One status word, explained."""
    out.result("explanation", {"line": None, **_statement(statement, step)}, _shown(statement, step))


def log(out: Output, where: str, mentions: Sequence[Mention]) -> None:
    """Everything in a log that could be explained; what is repeated is shown to a person once.

    Raises:
        ConfigError: nothing.
    """
    if not mentions:
        raise ConfigError(
            "there is nothing in it that needs explaining: no status word, no message of a known loader",
            where=where,
        )
    seen: dict[tuple[Statement, Step | None], list[int]] = {}
    for mention in mentions:
        out.result("explanation", {"line": mention.line, **_statement(mention.statement, mention.step)})
        seen.setdefault((mention.statement, mention.step), []).append(mention.line)
    for (statement, step), lines in seen.items():
        listed = ", ".join(map(str, lines[:10])) + (" …" if len(lines) > 10 else "")
        out.show(Group(Text(f"line {listed}", "bold"), _shown(statement, step), ""))
