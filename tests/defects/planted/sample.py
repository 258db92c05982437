"""A copy of a sample app into which defects are planted, one at a time."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.system.inv import PROJECT

_IGNORED = shutil.ignore_patterns("build", "bin", "debug", "__pycache__", "golden")
_STANDARD = "include $(BOLOS_SDK)/Makefile.standard_app"


@dataclass(frozen=True)
class Sample:
    """An app in ``folder``; ``handler`` and ``parser`` are sources, ``entry`` starts the handler's function.

    ``unasked`` is code for the beginning of that function: it signs what the host sent, without a screen.
    """

    folder: Path
    handler: str
    parser: str
    parses: str
    entry: str
    unasked: str

    def read(self, path: str) -> str:
        """The text of a file of the app."""
        return (self.folder / path).read_text("utf-8")

    def write(self, path: str, text: str | bytes) -> None:
        """Put a file into the app."""
        full = self.folder / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_bytes(text if isinstance(text, bytes) else text.encode())

    def append(self, path: str, text: str) -> None:
        """Add lines to a file."""
        self.write(path, f"{self.read(path)}\n{text}\n")

    def insert(self, path: str, after: str, text: str) -> None:
        """Put ``text`` behind the one place of a file where ``after`` stands."""
        before, found, rest = self.read(path).partition(after)
        if not found or after in rest:
            raise LookupError(f"{path} has not one {after!r}")
        self.write(path, before + after + text + rest)

    def make(self, line: str) -> None:
        """Add a line to the makefile, in front of what the SDK includes last."""
        text = self.read("Makefile")
        self.write("Makefile", text.replace(_STANDARD, f"{line}\n{_STANDARD}"))

    def make_last(self, lines: str) -> None:
        """Add lines at the makefile's end."""
        self.append("Makefile", lines)

    def assign(self, name: str, value: str | None) -> None:
        """Give a variable of the makefile another value; None takes its line away."""
        line = "" if value is None else f"{name} = {value}\n"
        text, count = re.subn(rf"^{name}\s*=.*\n", lambda _: line, self.read("Makefile"), flags=re.MULTILINE)
        if count != 1:
            raise LookupError(f"the makefile has not one {name}")
        self.write("Makefile", text)

    def remove(self, path: str) -> None:
        """Remove a file or a folder."""
        full = self.folder / path
        if full.is_dir():
            shutil.rmtree(full)
        else:
            full.unlink()


def restore(sample: Sample) -> None:
    """Make the copy like the app again; files that are alike keep their time."""
    origin = PROJECT / "apps" / sample.folder.name
    wanted = {path.relative_to(origin) for path in _files(origin)}
    for path in _files(sample.folder):
        if path.relative_to(sample.folder) not in wanted:
            path.unlink()
    for name in wanted:
        source, copy = origin / name, sample.folder / name
        if not copy.is_file() or copy.read_bytes() != source.read_bytes():
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(source.read_bytes())


def _files(folder: Path) -> list[Path]:
    ignored = {"build", "bin", "debug", "__pycache__", "golden"}
    return [p for p in folder.rglob("*") if p.is_file() and not ignored & set(p.relative_to(folder).parts)]


def boilerplate(folder: Path) -> Sample:
    """The app that signs transactions with ECDSA."""
    return Sample(
        folder=_copy("boilerplate", folder),
        handler="src/handler/sign_transaction.c",
        parser="src/core/transaction.c",
        parses="tx_result_t tx_parse(const uint8_t *data, size_t size, transaction_t *tx)\n{\n",
        entry="    signing_t *signing = &G_context.signing;\n",
        unasked="""
    if (data->size == 32) {
        uint8_t signature[SIGNATURE_MAX];
        size_t length = sizeof(signature);
        if (bip32_derive_ecdsa_sign_hash_256(CX_CURVE_256K1,
                                             G_context.path.elements,
                                             G_context.path.length,
                                             CX_RND_RFC6979 | CX_LAST,
                                             CX_SHA256,
                                             data->ptr,
                                             data->size,
                                             signature,
                                             &length,
                                             NULL) != CX_OK) {
            return refuse(SW_DENIED);
        }
        return io_send_response_pointer(signature, length, SW_OK);
    }
""",
    )


def notary(folder: Path) -> Sample:
    """The app that signs documents and messages with EdDSA."""
    return Sample(
        folder=_copy("notary", folder),
        handler="src/handler/message.c",
        parser="src/core/attestation.c",
        parses="bool attestation_parse(const uint8_t *data, size_t size, attestation_t *attestation)\n{\n",
        entry="    text_t *text = &G_context.text;\n\n    if (part == P1_FIRST) {\n",
        unasked="""
        if (data->size == 32) {
            return sign_and_answer(data->ptr, data->size);
        }
""",
    )


def _copy(name: str, folder: Path) -> Path:
    return Path(shutil.copytree(PROJECT / "apps" / name, folder / name, ignore=_IGNORED))
