"""Layouts of what the device answers (loader protocol §12)."""

from collections.abc import Sequence

from toolchain.virtual_device.application import FLAG_CUSTOM_CA, FLAG_ENABLED
from toolchain.virtual_device.config import DeviceConfig
from toolchain.virtual_device.fields import lv
from toolchain.virtual_device.state import DeviceState

PAGE_LIMIT = 208
"""Bytes of a list page that still fit a short reply when wrapped."""


def _be32(number: int) -> bytes:
    return number.to_bytes(4, "big")


def version_flags(state: DeviceState, *, recovery: bool, unlocked: bool) -> bytes:
    """The four flag bytes, little-endian (§12.1)."""
    flags = (
        recovery << 0
        | 1 << 1
        | state.onboarded << 2
        | 1 << 3
        | (state.custom_ca is not None) << 4
        | unlocked << 7
    )
    return flags.to_bytes(4, "little")


def plain_version(config: DeviceConfig, flags: bytes) -> bytes:
    """Version in the clear; devices without API levels stop at the microcontroller's."""
    reply = (
        _be32(config.target_id) + lv(config.os_version.encode()) + lv(flags) + lv(config.mcu_version.encode())
    )
    if config.api_level is None:
        return reply
    hardware = b"" if config.hardware_version is None else lv(config.hardware_version.encode())
    language, recover_state = b"\0", b"\0"
    return reply + lv(config.bootloader_version.encode()) + hardware + lv(language) + lv(recover_state)


def secured_version(config: DeviceConfig, flags: bytes) -> bytes:
    """Version over the channel: the microcontroller's ends in NUL, and its hash follows."""
    mcu = config.mcu_version.encode() + b"\0"
    return _be32(config.target_id) + lv(config.os_version.encode()) + lv(flags) + lv(mcu) + config.mcu_hash


def memory(config: DeviceConfig, state: DeviceState) -> bytes:
    """Sizes in bytes, then slots (§12.3)."""
    used = sum(len(app.pages) for app in state.apps) * config.erase_size
    free = config.page_count * config.erase_size - used
    return b"".join(map(_be32, (config.system_size, used, free, len(state.apps), config.slots)))


def list_pages(config: DeviceConfig, state: DeviceState) -> list[bytes]:
    """The list of apps as pages; the enrolled certificate is an entry of its own (§12.2)."""
    blocks_a_page = config.erase_size // config.block_size
    listed = [
        (app.name, app.flags, app.code_data_hash, app.full_hash, len(app.pages) * blocks_a_page)
        for app in state.apps
    ]
    if state.custom_ca is not None:
        listed.append((state.custom_ca.name, FLAG_CUSTOM_CA | FLAG_ENABLED, bytes(32), bytes(32), 0))
    if config.list_format == "old":
        return _paginate(b"", [_old_entry(*entry) for entry in listed])
    return _paginate(b"\x01", [_entry(*entry) for entry in listed])


def pack_pages(state: DeviceState) -> list[bytes]:
    """The list of language packs as pages: language, size, version each (§16.3)."""
    return _paginate(
        b"\x01",
        [
            bytes([1 + len(body)]) + body
            for pack in state.packs
            for body in [
                lv(bytes([pack.language])) + lv(_be32(len(pack.data))) + lv(pack.version.encode("ascii"))
            ]
        ],
    )


def _entry(name: str, flags: int, code_data_hash: bytes, full_hash: bytes, blocks: int) -> bytes:
    body = blocks.to_bytes(2, "big") + (flags & 0xFFFF).to_bytes(2, "big")
    body += code_data_hash + full_hash + lv(name.encode("ascii"))
    return bytes([1 + len(body)]) + body


def _old_entry(name: str, flags: int, _code_data_hash: bytes, full_hash: bytes, _blocks: int) -> bytes:
    return lv(lv(name.encode("ascii")) + _be32(flags) + full_hash)


def _paginate(head: bytes, entries: Sequence[bytes]) -> list[bytes]:
    pages: list[bytes] = []
    for entry in entries:
        if pages and len(pages[-1]) + len(entry) <= PAGE_LIMIT:
            pages[-1] += entry
        else:
            pages.append(head + entry)
    return pages
