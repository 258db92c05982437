"""Images made up for tests."""

import itertools

from toolchain.image import Image, Segment

BASE = 0xC0DE0000
NANO_SP = 0x33100004


def content(length: int, seed: int = 3) -> bytes:
    """Bytes without an obvious pattern, the same each time."""
    return bytes(itertools.islice(((i * 7 + i // 251 + seed) & 0xFF for i in itertools.count()), length))


def sample_image(
    length: int = 1000,
    *,
    name: str = "Sample",
    base: int = BASE,
    holes: tuple[tuple[int, int], ...] = (),
    target_id: int = NANO_SP,
    target_version: str = "",
    api_level: int | None = 25,
    flags: int = 0,
    data: int = 0,
    params: int = 0,
    tail: bytes = b"",
) -> Image:
    """``length`` bytes at ``base``; each hole is an offset and a size that the segments leave out.

    ``tail``, if given, is the last bytes: install parameters for devices that read them.
    """
    content_bytes = content(length - len(tail)) + tail
    params = params or len(tail)
    segments, start = [], 0
    for offset, size in (*holes, (length, 0)):
        segments.append(Segment(base + start, content_bytes[start:offset]))
        start = offset + size
    return Image(
        name=name,
        version="1.0.0",
        target_id=target_id,
        target_version=target_version,
        api_level=api_level,
        segments=tuple(segments),
        code_length=length - data - params,
        data_length=data,
        params_length=params,
        flags=flags,
        boot_offset=1,
    )
