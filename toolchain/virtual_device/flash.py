"""Flash: pages, and the one app under construction.

Nothing of a construction is visible; the loader makes an ``InstalledApp`` of it in one step, or drops it.
"""

import binascii
import hashlib
from collections.abc import Iterable

from toolchain.image import Segment
from toolchain.virtual_device.application import CreateRequest, InstalledApp
from toolchain.virtual_device.status import RefusedError, Status

SEGMENT_LIMIT = 1 << 16
"""A segment's offsets have 16 bits (§11)."""


def page_count(size: int, page_size: int) -> int:
    """Pages that ``size`` bytes take."""
    return -(-size // page_size)


def allocate(apps: Iterable[InstalledApp], size: int, page_size: int, pages: int) -> tuple[int, ...]:
    """The lowest free of ``pages`` pages for ``size`` bytes.

    Raises:
        RefusedError: NO_SPACE.
    """
    taken = {page for app in apps for page in app.pages}
    needed = page_count(size, page_size)
    free = [page for page in range(pages) if page not in taken]
    if needed > len(free):
        raise RefusedError(Status.NO_SPACE)
    return tuple(free[:needed])


class Construction:
    """An app that is being loaded: segments in ascending order, chunks without gaps."""

    def __init__(self, request: CreateRequest, prefix: bytes, pages: tuple[int, ...]) -> None:
        self.request = request
        self.pages = pages
        self._hash = hashlib.sha256(prefix)
        self._areas: list[tuple[int, bytearray]] = []

    @property
    def _end(self) -> int:
        if not self._areas:
            return 0
        start, data = self._areas[-1]
        return start + len(data)

    def select(self, offset: int) -> None:
        """Start a segment, at or behind the end of the one before; the first one at 0."""
        if not self._end <= offset < self.request.size or (not self._areas and offset):
            raise RefusedError(Status.INVALID)
        self._areas.append((offset, bytearray()))

    def write(self, offset: int, chunk: bytes) -> None:
        """Add a chunk; ``offset`` counts from the segment's start and must be where the last chunk ended."""
        start, data = self._segment()
        end = offset + len(chunk)
        if not chunk or offset != len(data) or end > SEGMENT_LIMIT or start + end > self.request.size:
            raise RefusedError(Status.INVALID)
        data += chunk
        self._hash.update(chunk)

    def flush(self) -> None:
        """Finish writing the segment's last page."""
        self._segment()

    def check(self, offset: int, length: int, crc: int) -> None:
        """Compare the CRC-16/CCITT-FALSE of part of the segment."""
        _, data = self._segment()
        part = data[offset : offset + length]
        if len(part) != length or binascii.crc_hqx(part, 0xFFFF) != crc:
            raise RefusedError(Status.INVALID)

    def finish(self) -> tuple[tuple[Segment, ...], bytes]:
        """All segments, those that touch joined, and the full hash.

        Raises:
            RefusedError: INVALID, the image is not complete.
        """
        if self._end not in self.request.ends or any(not data for _, data in self._areas):
            raise RefusedError(Status.INVALID)
        joined: list[Segment] = []
        for start, data in self._areas:
            if joined and joined[-1].end == start:
                joined[-1] = Segment(joined[-1].address, joined[-1].data + data)
            else:
                joined.append(Segment(start, bytes(data)))
        return tuple(joined), self._hash.digest()

    def _segment(self) -> tuple[int, bytearray]:
        if not self._areas:
            raise RefusedError(Status.SECURITY)
        return self._areas[-1]
