from pathlib import Path

import pytest

from tests.unit.verify.candidates import good
from toolchain.verify import sources
from toolchain.verify.makefile import defines, find, lines, read_lines, split_comment, words
from toolchain.verify.rules.permissions import is_justified
from toolchain.verify.sources import MAX_FILE, SourceTree


def tree(folder: Path, *names: str) -> SourceTree:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return SourceTree(folder)


def test_files_are_sorted_and_without_outputs(tmp_path: Path) -> None:
    made = tree(
        tmp_path, "src/b.c", "src/a.c", "Makefile", "build/x.o", ".git/config", "bin/app.elf", "src/bin/y"
    )
    assert made.files == ("Makefile", "src/a.c", "src/b.c", "src/bin/y")
    assert made.under("src") == ("src/a.c", "src/b.c", "src/bin/y")
    assert SourceTree(tmp_path, Path("src")).files == (
        "Makefile",
        "bin/app.elf",
        "build/x.o",
        "src/a.c",
        "src/b.c",
    )
    assert made.under("./") == made.files
    assert made.under("sr") == ()
    assert made.complete


def test_links_are_neither_listed_nor_followed_out_of_the_tree(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    made = tree(tmp_path / "app", "src/a.c")
    (tmp_path / "app" / "link").symlink_to(secret)
    (tmp_path / "app" / "folder").symlink_to(tmp_path)
    (tmp_path / "app" / "loop").symlink_to("loop")
    assert made.files == ("src/a.c",)
    assert made.read("link") is None
    assert made.read("folder/secret") is None
    assert made.read("loop") is None
    assert made.read("../secret") is None
    assert made.read("src/a.c") == "src/a.c"


def test_what_is_missing_long_or_not_text_is_no_crash(tmp_path: Path) -> None:
    made = tree(tmp_path, "a.c")
    assert made.read("b.c") is None
    assert made.read(".") is None
    (tmp_path / "a.c").write_bytes(b"\xff\xfe")
    assert made.read("a.c") == "\ufffd\ufffd"
    (tmp_path / "a.c").write_bytes(bytes(MAX_FILE + 1))
    assert made.read_bytes("a.c") is None


def test_a_tree_without_end_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MAX_FILES", 2)
    made = tree(tmp_path, "a", "b", "c")
    assert made.files == ("a", "b")
    assert not made.complete


@pytest.mark.parametrize(
    ("line", "code", "comment"),
    [
        ("A = 1", "A = 1", ""),
        ("A = 1 # why", "A = 1 ", "why"),
        ("# all", "", "all"),
        ('A = "#1" # why', 'A = "#1" ', "why"),
        (r"A = \# # why", r"A = \# ", "why"),
        ("A = \"44'/1'\" # coin", "A = \"44'/1'\" ", "coin"),
        ('A = "open # not a comment', 'A = "open # not a comment', ""),
    ],
)
def test_comments_are_found_outside_of_quotes(line: str, code: str, comment: str) -> None:
    assert split_comment(line) == (code, comment)


@pytest.mark.parametrize(
    ("line", "assignment"),
    [
        ("A = 1", ("A", "1")),
        ("A:=1", ("A", "1")),
        ("A ?= 1", ("A", "1")),
        ("A += 1 2", ("A", "1 2")),
        ("override A ::= 1", ("A", "1")),
        ("export A=", ("A", "")),
        ("ifeq ($(A),1)", None),
        ("a: b", None),
        ("\techo A", None),
    ],
)
def test_assignments(line: str, assignment: tuple[str, str] | None) -> None:
    assert next(read_lines("Makefile", line)).assignment == assignment


def test_places_prefer_the_assignment_to_a_mention(tmp_path: Path) -> None:
    text = "ifeq ($(DEBUG),1)\nDEBUG_OVER_USB = 0\nendif\n# DEBUG = 0\nDEBUG = 1\n"
    others = {"conf/a.mk": "CFLAGS += -Wno-vla\n", "b.txt": "X = 1", "lib/Makefile": "Y = 1\n"}
    read = {"MAKEFILE_LIST": "Makefile ./conf/a.mk <sdk>/Makefile.target"}
    candidate = good(tmp_path, makefile=text, files=others, variables=read)
    assert str(find(candidate, "DEBUG")) == "Makefile:5"
    assert str(find(candidate, "-Wno-vla")) == "conf/a.mk:1"
    assert str(find(candidate, "X")) == "Makefile"
    assert str(find(candidate, "Y")) == "Makefile"
    assert {line.path for line in lines(candidate)} == {"Makefile", "conf/a.mk", "lib/Makefile"}


def test_words_and_macros(tmp_path: Path) -> None:
    assert words("a 'b c' d\"e\"") == ["a", "b c", "de"]
    assert words("it's") == ["it's"]
    candidate = good(tmp_path, variables={"DEFINES": "A B=2 PRINTF\\(...\\)=", "CFLAGS": "-DC=3 -Dd"})
    assert defines(candidate) == {"A": "", "B": "2", "PRINTF(...)": "", "C": "3", "d": ""}


def test_a_block_of_comments_counts_as_one_justification() -> None:
    text = list(read_lines("Makefile", "# Asked again\n# before a wipe\nX = 1\nY = 1\n"))
    assert is_justified(text, 2)
    assert not is_justified(text, 3)
