"""Real apps, the real compiler: ``apps/boilerplate`` on the shim, and copies of it with something wrong."""

import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.system.inv import PROJECT
from toolchain import pipeline
from toolchain.app import AppManifest
from toolchain.artefacts import FILES, Built
from toolchain.build.host import build, build_all
from toolchain.build.result import BuildResult
from toolchain.build.workplace import Job
from toolchain.errors import BuildError
from toolchain.target import get_target

SHIM = PROJECT / "sdk-shim"
TARGETS = ("nanos", "nanosp", "nanox")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One work folder for the module: the compiler is prepared once."""
    return tmp_path_factory.mktemp("work")


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A copy of the sample app that a test may spoil."""
    ignored = shutil.ignore_patterns("build", "bin", "__pycache__")
    return Path(shutil.copytree(PROJECT / "apps" / "boilerplate", tmp_path / "boilerplate", ignore=ignored))


def job(folder: Path, target: str = "nanosp", sdk: Path = SHIM) -> Job:
    return Job(AppManifest.read(folder), get_target(target), sdk)


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_sample_app_builds_for_all_targets_without_a_warning(app: Path, work: Path) -> None:
    before = files(app), files(SHIM)
    results = build_all([job(app, target) for target in TARGETS], root=work)
    for result in results:
        assert isinstance(result, BuildResult), result
        assert result.elf.startswith(b"\x7fELF")
        assert result.diagnostics == ()
        assert result.app.permissions.paths == ("44'/1'",)
        assert "src/main.c" in {command.file for command in result.commands}
        assert b"src/main.c.o" in result.map
        assert str(work) not in repr(result.provenance)
    assert (files(app), files(SHIM)) == before


def test_the_bytes_depend_on_no_folder(app: Path, work: Path, tmp_path: Path) -> None:
    here = build(job(app), root=work)
    there = app.rename(tmp_path / "another folder")
    assert build(job(there), root=tmp_path / "another work").elf == here.elf


def test_an_incremental_build_gives_the_bytes_of_a_clean_one(app: Path, work: Path) -> None:
    first = build(job(app), root=work)
    source = app / "src" / "main.c"
    text = source.read_text()
    source.write_text(text + "\nconst char *never_used(void) { return __FILE__; }\n")
    build(job(app), root=work)
    source.write_text(text)
    again = build(job(app), root=work)
    assert not again.reused
    assert again.elf == first.elf == build(job(app), root=work, clean=True).elf


INCLUDE = "include $(BOLOS_SDK)"
EDITS: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "a source": (lambda app: edit(app / "src/main.c", "", "int one_more(void);\n"), {"src/main.c"}),
    "a header": (
        lambda app: edit(app / "src/settings.h", "", "#define ONE_MORE\n"),
        {"src/main.c", "src/settings.c", "src/ui/menu.c", "src/handler/sign_transaction.c"},
    ),
    "a glyph": (lambda app: icons(app)[0].write_bytes(icons(app)[-1].read_bytes()), set()),
    "flags": (lambda app: edit(app / "Makefile", INCLUDE, f"DEFINES += MORE\n{INCLUDE}"), set()),
    "the manifest": (lambda app: edit(app / "ledger_app.toml", "", "# more\n"), set()),
    "a file that came": (lambda app: (app / "src/more.c").write_text("int one_more(void);\n"), set()),
    "a header that came": (lambda app: (app / "src/ui/path.h").write_text("#error not this one\n"), set()),
}
"""What somebody changes, and what is compiled then; nothing means everything."""


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    path.write_text(text.replace(before, after, 1) if before else text + after)


def icons(app: Path) -> list[Path]:
    return sorted(path for name in ("glyphs", "icons") for path in (app / name).iterdir())


@pytest.mark.parametrize("what", EDITS)
def test_after_an_edit_only_what_depends_on_it_is_compiled(what: str, app: Path, work: Path) -> None:
    change, expected = EDITS[what]
    first = build(job(app), root=work)
    change(app)
    compiled: list[str] = []

    def show(line: str) -> None:
        compiled.extend(line.split()[1:] if line.startswith("[CC]") else [])

    again = build(job(app), root=work, show=show)
    everything = [command.file for command in again.commands if command.file.endswith(".c")]
    # Make names the shim's sources without its folder.
    assert names(compiled) == names(expected or everything)
    clean = build(job(app), root=work, clean=True)
    assert again.elf == clean.elf
    assert again.app == clean.app
    assert again.commands == clean.commands
    assert first.app.variables.keys() == again.app.variables.keys()


def test_what_an_assembler_embeds_is_never_old(app: Path, work: Path) -> None:
    blob = app / "src" / "blob.h"
    blob.write_text("some bytes")
    section = '.section .rodata.blob,\\"aR\\",%progbits\\n.incbin \\"src/blob.h\\"\\n.text'
    edit(app / "src/main.c", "", f'__asm__("{section}");\n')
    assert b"some bytes" in build(job(app), root=work).elf
    blob.write_text("other bytes")
    assert b"other bytes" in build(job(app), root=work).elf


def names(paths: Iterable[str]) -> list[str]:
    return sorted(Path(path).name for path in paths)


def artefacts(app: Path, work: Path, dist: Path) -> Built:
    workspace = pipeline.Workspace(PROJECT, dist, work)
    (outcome,) = pipeline.build([job(app)], workspace, clean=False, progress=lambda _done, _total: None)
    return outcome.get()


def test_with_nothing_to_do_nothing_is_written(app: Path, work: Path, tmp_path: Path) -> None:
    first = artefacts(app, work, tmp_path / "dist")
    assert {path.name for path in first.folder.iterdir()} == set(FILES)
    before = {name: (first.folder / name).stat() for name in FILES}
    again = artefacts(app, work, tmp_path / "dist")
    assert again.result.reused
    assert {name: (again.folder / name).stat() for name in FILES} == before
    assert (again.summary, again.image, again.elf) == (first.summary, first.image, first.elf)


@pytest.mark.parametrize("name", FILES)
def test_what_somebody_changed_or_deleted_is_written_again(
    app: Path, work: Path, tmp_path: Path, name: str
) -> None:
    first = artefacts(app, work, tmp_path / "dist")
    right = files(first.folder)
    (first.folder / name).write_bytes(right[first.folder / name][:-1] + b"?")
    artefacts(app, work, tmp_path / "dist")
    assert files(first.folder) == right
    (first.folder / name).unlink()
    artefacts(app, work, tmp_path / "dist")
    assert files(first.folder) == right


def test_each_folder_of_results_gets_those_of_the_last_build(app: Path, work: Path, tmp_path: Path) -> None:
    old = artefacts(app, work, tmp_path / "one")
    (app / "src" / "main.c").write_text((app / "src" / "main.c").read_text() + "\nint one_more(void);\n")
    other = artefacts(app, work, tmp_path / "two")
    assert not other.result.reused
    back = artefacts(app, work, tmp_path / "one")
    assert back.result.reused
    assert files(back.folder).keys() == {old.folder / name for name in FILES}
    assert [(back.folder / name).read_bytes() for name in FILES] == [
        (other.folder / name).read_bytes() for name in FILES
    ]


def test_a_recorded_command_can_be_run_again(app: Path, work: Path, tmp_path: Path) -> None:
    result = build(job(app), root=work)
    (command,) = (c for c in result.commands if c.file == "src/main.c")
    words = list(command.arguments)
    words[words.index(command.output)] = str(tmp_path / "again.o")
    subprocess.run(words, cwd=command.directory, check=True, timeout=60)
    assert (tmp_path / "again.o").read_bytes() == Path(command.directory, command.output).read_bytes()


def test_a_warning_is_a_value(app: Path, work: Path) -> None:
    source = app / "src" / "main.c"
    source.write_text("static int unused(void) { return 1; }\n" + source.read_text())
    (said,) = build(job(app), root=work).diagnostics
    assert (said.path, said.line, said.flag) == ("src/main.c", 1, "-Wunused-function")
    assert (said.level, said.origin, said.tool) == ("warning", "app", "compiler")


def test_an_app_that_does_not_compile(app: Path, work: Path) -> None:
    (app / "src" / "broken.c").write_text("int one;\nint two = ;\n")
    with pytest.raises(BuildError) as caught:
        build(job(app), root=work)
    assert str(caught.value) == "src/broken.c:2: expected expression"
    assert "expected expression" in Path(caught.value.log).read_text()


def test_an_app_that_does_not_link(app: Path, work: Path) -> None:
    (app / "src" / "more.c").write_text("int nowhere(void);\nint (*more)(void);\n")
    main = app / "src" / "main.c"
    main.write_text(
        main.read_text() + "int nowhere(void);\n__attribute__((used)) int f(void) { return nowhere(); }\n"
    )
    makefile = app / "Makefile"
    makefile.write_text(makefile.read_text() + "SHIM_LDFLAGS += -u f\n")
    with pytest.raises(BuildError, match="undefined symbol: nowhere"):
        build(job(app), root=work)


def test_blanks_in_every_path(app: Path, tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    shutil.copy(PROJECT / "Makefile.defines", folder)
    sdk = Path(shutil.copytree(SHIM, folder / "an sdk"))
    result = build(job(app.rename(folder / "an app"), sdk=sdk), root=folder / "work")
    assert result.elf.startswith(b"\x7fELF")


PROGRAM = """\
import sys
from pathlib import Path
from toolchain import pipeline
from toolchain.app import AppManifest
from toolchain.artefacts import FILES, Built
from toolchain.build.host import build_all
from toolchain.build.workplace import Job
from toolchain.target import get_target

app, sdk, work = map(Path, sys.argv[1:])
jobs = [Job(AppManifest.read(app), get_target(name), sdk) for name in ("nanosp", "nanox")]

def show(job, line):
    sys.stdout.write(line + "\\n")  # at once: two jobs speak
    sys.stdout.flush()

for result in build_all(jobs, root=work, show=show):
    print(getattr(result, "message", "built"))
"""


def start(app: Path, work: Path, before: Callable[[], object] | None = None) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, app, SHIM, work],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,  # noqa: PLW1509 - no threads
    )


def test_ctrl_c_ends_make_and_leaves_nothing_half_written(app: Path, work: Path, tmp_path: Path) -> None:
    makefile = app / "Makefile"
    text = makefile.read_text()
    pid = tmp_path / "pid"
    makefile.write_text(
        f"{text}\n$(BIN_DIR)/app.elf: hang\nhang: ; @echo $$$$ >>{pid}; echo hanging; sleep 300\n"
    )
    # A test runner may have been started in the background, where shells ignore SIGINT.
    process = start(app, work, lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    assert process.stdout is not None
    seen = 0
    for line in process.stdout:
        seen += line == "hanging\n"
        if seen == 2:
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in err
    for number in map(int, pid.read_text().split()):
        wait_for_the_end(number)
    assert not [path for path in work.rglob("app.elf") if path.stat().st_mtime > makefile.stat().st_mtime]

    makefile.write_text(text)
    assert build(job(app), root=work).elf == build(job(app), root=work, clean=True).elf


def wait_for_the_end(pid: int) -> None:
    for _ in range(600):
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, check=False).stdout
        if state[:1] in (b"", b"Z"):
            return
        time.sleep(0.05)
    pytest.fail(f"process {pid} still runs")


def test_two_processes_at_once(app: Path, work: Path) -> None:
    processes = [start(app, work) for _ in range(2)]
    outputs = [process.communicate(timeout=300) for process in processes]
    for out, err in outputs:
        assert out.splitlines()[-2:] == ["built", "built"], err


def test_a_full_disk_is_said_so(app: Path, work: Path) -> None:
    """A limit on the size of files acts as a disk that is full: writing fails in the middle."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))

    build(job(app, "nanosp"), root=work)
    shutil.rmtree(work / "builds")
    out, err = start(app, work, limit).communicate(timeout=300)
    assert "Traceback" not in err
    assert "built" not in out.splitlines()
    assert isinstance(build(job(app), root=work), BuildResult)
