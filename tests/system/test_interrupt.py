"""Ctrl-C half-way, a reader that goes away, two at once, other folders: ``./inv`` as a program."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.inv import PROJECT, inv
from toolchain.device.transport import open_transport
from toolchain.load.inventory import device_version


def wait_until(condition: Callable[[], bool]) -> None:
    """Poll, for at most a minute."""
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("nothing happened for a minute")


def start(
    *arguments: str | Path, stdout: int = subprocess.PIPE, stdin: int = subprocess.DEVNULL
) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [PROJECT / "inv", *arguments],
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A test runner may have been started in the background, where shells ignore SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - no threads here
    )


def test_ctrl_c_during_a_build_leaves_nothing_half_written(tmp_path: Path) -> None:
    app = tmp_path / "slow"
    app.mkdir()
    source = PROJECT / "apps" / "boilerplate"
    (app / "ledger_app.toml").write_text((source / "ledger_app.toml").read_text())
    marker = tmp_path / "compiling"
    (app / "Makefile").write_text(f"$(shell touch '{marker}'; sleep 60)\n")
    process = start("build", "--app", app, "--target", "nanosp", "--dist", tmp_path / "dist")
    wait_until(marker.exists)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not (tmp_path / "dist").exists()


@pytest.mark.parametrize("call", ["list --json", "list", "--list", "help load"])
def test_a_reader_that_goes_away_is_not_an_error_worth_a_word(call: str) -> None:
    shell = f"'{PROJECT}/inv' {call} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode in (0, 141)  # 0 if the last was written before the reader went
    assert (done.stdout, done.stderr) == ("", "")


def test_two_builds_of_the_same_app_at_the_same_time(tmp_path: Path) -> None:
    arguments = ("build", "--json", "--app", "boilerplate", "--target", "nanosp", "--clean", "--dist")
    pair = [start(*arguments, tmp_path / name) for name in ("1", "2")]
    for process in pair:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    images = [(tmp_path / name / "boilerplate" / "nanosp" / "app.elf").read_bytes() for name in ("1", "2")]
    assert images[0] == images[1]


def test_a_virtual_device_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    with start("virtual-device", "--target", "nanox", "--port", "0", "--json", "--state", state) as process:
        assert process.stdout is not None
        served = json.loads(process.stdout.readline())
        with open_transport(served["uri"], timeout=10) as transport:
            assert device_version(transport).target_id == 0x33000004
        load = inv("load", "--json", "--app", "boilerplate", "--device", served["uri"])
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=30) == 0
    assert load.code == 0, load.err
    assert load.only("installed")["target"] == "nanox"
    again = inv("load", "--json", "--app", "boilerplate", "--target", "nanox", "--state", state)
    assert again.only("installed")["unchanged"]


def test_virtual_devices_on_a_range_of_ports_with_a_person_at_the_terminal() -> None:
    with start(
        *("virtual-device", "--port", "0", "--count", "2", "--new", "--trace", "--json"),
        stdin=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        served = [json.loads(process.stdout.readline()) for _ in range(2)]
        assert served[0]["uri"] != served[1]["uri"]
        process.stdin.write("recovery\nfrob\n")
        process.stdin.flush()
        assert process.stderr.readline() == "restarted in recovery mode; restarted in recovery mode\n"
        assert "cannot 'frob'" in process.stderr.readline()
        assert "cut COMMANDS" in process.stderr.readline()
        with open_transport(served[1]["uri"], timeout=10) as transport:
            version = device_version(transport)
        assert version.recovery_mode
        assert "onboarded" not in version.flag_names
        assert process.stderr.readline() == "2:    1   host    get version\n"
        assert "recovery mode" in process.stderr.readline()
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=30) == 0


def test_inv_from_another_folder_through_a_link_with_a_space(tmp_path: Path) -> None:
    link = tmp_path / "my inv"
    link.symlink_to(PROJECT / "inv")
    listed = inv("list", "--json", folder=tmp_path, program=[link])
    assert "boilerplate" in [line["name"] for line in listed.lines("app")]


def test_an_app_folder_is_relative_to_where_the_person_is(tmp_path: Path) -> None:
    apps = PROJECT / "apps"
    run = inv(
        "build", "--json", "--app", "./boilerplate", "--target", "nanosp", "--dist", tmp_path, folder=apps
    )
    assert run.code == 0, run.err


def fake_python(folder: Path, *, ensurepip: bool = True, pip: bool = True) -> Path:
    """An interpreter that makes environments instantly and counts them; everything else is real.

    It ends with 7 where tasks would start. How pip is called is written down.
    """
    script = folder / "python"
    script.write_text(
        f"""#!/bin/sh
        case "$*" in
        *"import ensurepip"*) exit {int(not ensurepip)} ;;
        *"-m venv"*)
            echo made >>"{folder}/made"
            sleep 1
            for last; do :; done
            mkdir -p "$last/bin"
            cp "$0" "$last/bin/python"
            exit ;;
        *"-m pip"*--version) exit {int(not pip)} ;;
        *"-m pip"*) echo "$*" >>"{folder}/pip"; exit ;;
        */start.py*) exit 7 ;;
        esac
        exec "{sys.executable}" "$@"
        """
    )
    script.chmod(0o755)
    return script


def fresh_project(folder: Path) -> Path:
    """A checkout in which nothing is installed yet."""
    project = folder / "a path with spaces"
    (project / "requirements").mkdir(parents=True)
    (project / "requirements" / "core.lock").write_text("# nothing\n")
    (project / "inv").write_text((PROJECT / "inv").read_text())
    (project / "inv").chmod(0o755)
    return project


@pytest.mark.parametrize("ensurepip", [True, False])
def test_a_pip_that_is_found_installs_what_the_lock_names(ensurepip: bool, tmp_path: Path) -> None:
    project = fresh_project(tmp_path)
    environment = {"NANO_PYTHON": str(fake_python(tmp_path, ensurepip=ensurepip))}
    assert inv("list", program=[project / "inv"], environment=environment).code == 7
    where = "" if ensurepip else f" --python {project}/.venv/bin/python"
    lock = project / "requirements" / "core.lock"
    wanted = f"-m pip{where} install --quiet --require-hashes --only-binary :all: -r {lock}\n"
    assert (tmp_path / "pip").read_text() == wanted


@pytest.mark.parametrize("with_uv", [True, False])
def test_without_any_pip_uv_will_do_or_the_package_is_named(with_uv: bool, tmp_path: Path) -> None:
    project = fresh_project(tmp_path)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "uv").write_text(f'#!/bin/sh\necho "$*" >>"{tmp_path}/uv"\nexit {int(not with_uv)}\n')
    (tools / "uv").chmod(0o755)
    python = fake_python(tmp_path, ensurepip=False, pip=False)
    run = inv(
        "list",
        program=[project / "inv"],
        environment={"NANO_PYTHON": str(python), "PATH": f"{tools}:{os.environ['PATH']}"},
    )
    if with_uv:
        assert run.code == 7
        assert f"pip install --python {project}/.venv/bin/python --quiet" in (tmp_path / "uv").read_text()
    else:
        assert run.code == 2
        assert "apt-get install python3-venv" in run.err
        assert not (project / ".venv" / "core.lock").exists()


def test_two_first_calls_in_a_path_with_spaces_install_once(tmp_path: Path) -> None:
    project = fresh_project(tmp_path)
    environment = os.environ | {"NANO_PYTHON": str(fake_python(tmp_path))}
    pair = [
        subprocess.Popen([project / "inv", "list"], env=environment, stderr=subprocess.PIPE) for _ in range(2)
    ]
    for process in pair:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 7, err
    assert (tmp_path / "made").read_text() == "made\n"


def test_the_completion_script_names_this_inv() -> None:
    script = inv("--print-completion-script", "bash")
    assert f"'{PROJECT}/inv' --complete" in script.out
    completed = inv("--complete", "--", "inv bui")
    assert "build" in completed.out.split()
    # As people type it in the project's folder.
    assert "complete -F _complete_inv -o default inv ./inv" in script.out
    assert "--clean" in inv("--complete", "--", "./inv build --cl").out.split()


def test_help_is_what_a_person_can_act_on() -> None:
    assert "--list" in inv("--help").out or "-l" in inv("--help").out
    helped = inv("help", "load")
    assert "tcp://HOST:PORT" in " ".join(helped.out.split())
    listed = inv()
    assert "virtual-device" in listed.out
    tasks = {task["name"]: task for task in inv("--list", "--json").lines("task")}
    assert tasks["sign.sign"] | {"type": "task", "aliases": ["sign"]} == tasks["sign.sign"]
    assert tasks["load"]["help"] in " ".join(listed.out.split())
    group = inv("--list", "builder", "--json").lines("task")
    assert group == [task for name, task in tasks.items() if name.startswith("builder.")]
