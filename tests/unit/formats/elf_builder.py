"""Writes a small app ELF as the SDK's linker scripts lay it out, without a compiler.

Every field can be replaced; ``patch`` and the offsets below damage single numbers of the result.
"""

import struct
from dataclasses import dataclass, field

BASE, RAM = 0xC0DE0000, 0xDA7A0000
SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_NOBITS = 1, 2, 3, 8
SHT_REL = 9
STT_FUNC = 2
_GLOBAL, _WEAK = 1, 2
SHF_WRITE, SHF_ALLOC, SHF_EXEC, SHF_COMPRESSED = 1, 2, 4, 0x800

# Offsets of fields in the ELF header, a section header and a program header (ELF32).
E_TYPE, E_MACHINE, E_PHOFF, E_SHOFF, E_PHENTSIZE, E_PHNUM, E_SHENTSIZE, E_SHNUM, E_SHSTRNDX = (
    16, 18, 28, 32, 42, 44, 46, 48, 50,
)  # fmt: skip
SH_NAME, SH_TYPE, SH_FLAGS, SH_ADDR, SH_OFFSET, SH_SIZE, SH_LINK, SH_ENTSIZE = 0, 4, 8, 12, 16, 20, 24, 36
P_OFFSET, P_VADDR, P_PADDR, P_FILESZ, P_MEMSZ, P_FLAGS = 4, 8, 12, 16, 20, 24
PROGRAM_HEADERS = 52

PARAMS = bytes.fromhex("0104546573740205312e302e30040a01028000002c80000001")
METADATA = {
    "target": "nanos2",
    "target_name": "TARGET_NANOS2",
    "target_id": "0x33100004",
    "app_name": "Test",
    "app_version": "1.0.0",
    "api_level": "25",
    "sdk_name": "ledger-secure-sdk",
    "sdk_version": "v25.13.0",
    "sdk_graphics": "nbgl",
    "app_flags": "0x200",
}


@dataclass(frozen=True)
class ElfSection:
    """A section; ``size`` is for NOBITS, ``load_address`` for contents loaded elsewhere than linked."""

    name: str
    content: bytes = b""
    address: int = 0
    type: int = SHT_PROGBITS
    flags: int = 0
    size: int | None = None
    link: int = 0
    entry_size: int = 0
    load_address: int | None = None


@dataclass
class ElfBuilder:
    """A valid app for Nano S Plus unless told otherwise.

    ``code`` and ``data`` are padded to ``page``. ``symbols`` replace those of the layout, None removes
    one; ``local_symbols`` come before them, ``functions`` (name, offset in the code, size) and ``undefined``
    ones, which are weak, behind.
    ``sections`` are added behind the usual ones.
    """

    code: bytes = bytes(range(256)) * 3 + b"hello, device\0"
    data: bytes = b"\xa5" * 16
    params: bytes = PARAMS
    page: int = 512
    base: int = BASE
    entry: int | None = None
    ram: int = RAM
    bss: int = 300
    stack: int = 4096
    text_flags: int = 5
    metadata: dict[str, str] = field(default_factory=lambda: dict(METADATA))
    symbols: dict[str, int | None] = field(default_factory=dict)
    local_symbols: dict[str, int] = field(default_factory=dict)
    functions: tuple[tuple[str, int, int], ...] = ()
    undefined: tuple[str, ...] = ()
    sections: tuple[ElfSection, ...] = ()

    @property
    def text(self) -> bytes:
        """The loaded bytes: code, data, install parameters."""
        return self._padded(self.code) + self._padded(self.data) + self.params

    def _padded(self, content: bytes) -> bytes:
        return content + bytes(-len(content) % self.page)

    def _layout(self) -> dict[str, int]:
        data = self.base + len(self._padded(self.code))
        params = data + len(self._padded(self.data))
        stack = self.ram + -(-self.bss // 4) * 4 + 4
        layout: dict[str, int | None] = {
            "_text": self.base,
            "main": self.base | 1,
            "_nvram_data": data,
            "_envram_data": params,
            "_install_parameters": params,
            "_einstall_parameters": params + len(self.params),
            "_bss": self.ram,
            "_ebss": self.ram + self.bss,
            "_stack": stack,
            "_estack": stack + self.stack,
        }
        return {name: value for name, value in (layout | self.symbols).items() if value is not None}

    def build(self) -> bytes:
        """The file."""
        strings = b"\0"
        records = [bytes(16)]
        for bind, symbols in ((0, self.local_symbols), (1, self._layout())):
            for name, value in symbols.items():
                records.append(struct.pack("<IIIBBH", len(strings), value, 0, bind << 4, 0, 1))
                strings += name.encode() + b"\0"
        for name, offset, size in self.functions:
            at = self.base + offset | 1
            records.append(struct.pack("<IIIBBH", len(strings), at, size, _GLOBAL << 4 | STT_FUNC, 0, 1))
            strings += name.encode() + b"\0"
        for name in self.undefined:
            records.append(struct.pack("<IIIBBH", len(strings), 0, 0, _WEAK << 4, 0, 0))
            strings += name.encode() + b"\0"
        bss_size = -(-self.bss // 4) * 4 + 4 + self.stack
        sections = [
            ElfSection(".text", self.text, self.base, flags=SHF_ALLOC | SHF_EXEC),
            ElfSection(".bss", b"", self.ram, SHT_NOBITS, SHF_ALLOC | SHF_WRITE, bss_size),
            *(ElfSection(f"ledger.{key}", text.encode()) for key, text in self.metadata.items()),
            *self.sections,
        ]
        table = ElfSection(
            ".symtab", b"".join(records), type=SHT_SYMTAB, link=len(sections) + 2, entry_size=16
        )
        sections += [table, ElfSection(".strtab", strings, type=SHT_STRTAB)]
        names = b"\0" + b"".join(s.name.encode() + b"\0" for s in sections) + b".shstrtab\0"
        sections.append(ElfSection(".shstrtab", names, type=SHT_STRTAB))
        return self._assemble(sections, names)

    def _assemble(self, sections: list[ElfSection], names: bytes) -> bytes:
        loaded = [s for s in sections if s.flags & SHF_ALLOC]
        body = bytearray(PROGRAM_HEADERS + 32 * len(loaded))
        headers, program = [bytes(40)], []
        for s in sections:
            size = len(s.content) if s.size is None else s.size
            name = names.index(b"\0" + s.name.encode() + b"\0") + 1
            headers.append(
                struct.pack(
                    "<10I", name, s.type, s.flags, s.address, len(body), size, s.link, 0, 1, s.entry_size
                )
            )
            if s in loaded:
                physical = s.address if s.load_address is None else s.load_address
                flags = self.text_flags if s.name == ".text" else 6
                program.append(
                    struct.pack("<8I", 1, len(body), s.address, physical, len(s.content), size, flags, 1)
                )
            body += s.content
        entry = self.base | 1 if self.entry is None else self.entry
        ident = b"\x7fELF\x01\x01\x01".ljust(16, b"\0")
        body[:PROGRAM_HEADERS] = ident + struct.pack(
            "<HHIIIIIHHHHHH",
            2, 40, 1, entry, PROGRAM_HEADERS, len(body), 0x05000200,
            PROGRAM_HEADERS, 32, len(program), 40, len(headers), len(headers) - 1,
        )  # fmt: skip
        body[PROGRAM_HEADERS : PROGRAM_HEADERS + 32 * len(program)] = b"".join(program)
        return bytes(body) + b"".join(headers)


def patch(elf: bytes, offset: int, value: int, size: int = 4) -> bytes:
    """``elf`` with the little-endian number at ``offset`` replaced."""
    return elf[:offset] + value.to_bytes(size, "little") + elf[offset + size :]


def section_header(elf: bytes, name: str) -> int:
    """File offset of the header of the section with that name."""
    table = int.from_bytes(elf[E_SHOFF : E_SHOFF + 4], "little")
    count, names_index = struct.unpack_from("<HH", elf, E_SHNUM)
    (names,) = struct.unpack_from("<I", elf, table + 40 * names_index + SH_OFFSET)
    for header in range(table, table + 40 * count, 40):
        start = names + int.from_bytes(elf[header : header + 4], "little")
        if elf[start : elf.index(b"\0", start)] == name.encode():
            return header
    raise KeyError(name)
