"""Run a built app in Speculos, the emulator of the devices' operating systems, and use it like a device.

Speculos runs as a process of its own, in an environment of its own, and is never imported. Commands
travel over its TCP port; buttons, texts and pictures over its HTTP interface (``/button``, ``/events``,
``/screenshot``). Text of a screen comes as events, line by line.
"""

import contextlib
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import IO, Literal, TypeVar

from toolchain.device.transport import Closing
from toolchain.device.transport.tcp import TcpTransport
from toolchain.errors import ConfigError, DeviceError, TransportError
from toolchain.formats.elf import read_elf
from toolchain.target import Target, get_target

T = TypeVar("T")
Button = Literal["left", "right", "both"]
Display = Literal["headless", "text"]
Screen = tuple[str, ...]
"""The texts of a screen, from top to bottom."""

_HOST = "127.0.0.1"
_START = 20.0
"""Seconds until the emulator answers."""
_PATIENCE = 10.0
"""Seconds in which a screen appears, or the process ends."""
_ANSWER = 60.0
"""Seconds in which a command is answered; buttons may have to be pressed meanwhile."""
_SETTLE = 1.0
"""Seconds after which a button that changed nothing is taken as one that changes nothing."""
_POLL = 0.03
"""Seconds between two looks at the screen."""
_LOOK = 0.1
"""Seconds between two looks for a person."""
_LAST_PORT = 0xFFFF
_ATTEMPTS = 3
"""Ports are chosen before the emulator binds them: another process may be faster."""


def environment_name(target: Target) -> str:
    """Which lock file and environment the target needs: ``speculos`` or ``speculos-nanos``.

    Speculos releases after 0.25.5 do not know the Nano S.
    """
    return "speculos-nanos" if target.name == "nanos" else "speculos"


def target_of(elf: Path) -> Target:
    """The target that the ELF's metadata names.

    Raises:
        ImageError: no such metadata, or not an app.
        ConfigError: the file cannot be read, or the target is unknown.
    """
    try:
        data = elf.read_bytes()
    except OSError as e:
        raise ConfigError(f"cannot read the app: {e.strerror}", where=str(elf)) from e
    _, info = read_elf(data, where=str(elf))
    return get_target(info.metadata.get("target", ""))


def command(
    elf: Path,
    target: Target,
    *,
    python: Path,
    apdu_port: int = 9999,
    api_port: int = 5000,
    options: Sequence[str] = (),
) -> list[str]:
    """The emulator's command line; it reads the API level from the ELF itself."""
    fixed = ["--display", "headless", "--model", target.name]
    ports = ["--apdu-port", str(apdu_port), "--api-port", str(api_port)]
    return [str(python), "-m", "speculos", *fixed, *ports, *options, str(elf)]


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on just now."""
    sockets = [socket.create_server((_HOST, 0)) for _ in range(count)]
    ports = [int(s.getsockname()[1]) for s in sockets]
    for s in sockets:
        s.close()
    return ports


def _poll_until(look: Callable[[], T | None], seconds: float) -> T | None:
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found is not None or time.monotonic() > deadline:
            return found
        time.sleep(_POLL)


class Emulator(Closing):
    """An app that runs. Use as a context manager; closing ends the process."""

    def __init__(
        self, process: subprocess.Popen[bytes], log: Path, target: Target, apdu_port: int, api_port: int
    ) -> None:
        self.target = target
        self.apdu_port = apdu_port
        self._process = process
        self._log = log
        self._api_port = api_port
        self._link: TcpTransport | None = None
        self._asking = ThreadPoolExecutor(max_workers=1)

    def exchange(self, apdu: bytes) -> bytes:
        """Send a command, return data and status word.

        Raises:
            TransportError: the app crashed, ended, or does not answer in time.
        """
        if self._link is None:
            self._link = TcpTransport(_HOST, self.apdu_port, timeout=_ANSWER)
        try:
            return self._link.exchange(apdu)
        except TransportError as e:
            self._link = None
            raise TransportError(f"{e.message}; the emulator says: {self._last_words()}") from e

    def ask(self, apdu: bytes) -> Future[bytes]:
        """Send a command that a person has to decide on, and return at once.

        The screen that comes up is there when this returns.
        """
        self._forget_events()
        answer = self._asking.submit(self.exchange, apdu)
        self._wait_for_screen(answer.done)
        return answer

    def press(self, button: Button) -> Screen:
        """Press and release, wait for the next screen and return its texts.

        A screen that stays as it is (the end of a row, an app that ends) gives no texts.
        """
        try:
            self._forget_events()
            self._call("POST", f"/button/{button}", {"action": "press-and-release"})
            return self._wait_for_screen(lambda: self._process.poll() is not None)
        except TransportError:
            if self.ended():
                return ()
            raise

    def walk(self, until: str, button: Button = "right", *, most: int = 40) -> list[Screen]:
        """Press a button until a screen shows the text ``until``; all screens, the first and this one too.

        Raises:
            DeviceError: it did not come within ``most`` screens.
        """
        screens = [self.screen()]
        while not any(until in text for text in screens[-1]):
            if len(screens) > most:
                raise DeviceError(f"no screen says {until!r}: {screens}")
            screens.append(self.press(button))
        return screens

    def screen(self) -> Screen:
        """The texts of the current screen, once there are any."""
        return _poll_until(lambda: self._texts("?currentscreenonly=true") or None, _PATIENCE) or ()

    def wait_for(self, text: str) -> Screen:
        """Wait for a screen with that text.

        Raises:
            DeviceError: it does not come.
        """

        def look() -> Screen | None:
            texts = self._texts("?currentscreenonly=true")
            return texts if any(text in t for t in texts) else None

        found = _poll_until(look, _PATIENCE)
        if found is None:
            raise DeviceError(f"no screen says {text!r}: {self.screen()}")
        return found

    def settled(self) -> Screen:
        """The texts of the current screen; none while it is being drawn, or once the app has ended."""
        try:
            texts = self._texts("?currentscreenonly=true")
            time.sleep(_POLL)
            return texts if texts == self._texts("?currentscreenonly=true") else ()
        except TransportError:
            if self.ended():
                return ()
            raise

    def runs(self) -> bool:
        """Whether the app has not ended yet."""
        return self._process.poll() is None

    def screenshot(self) -> bytes:
        """The screen as PNG."""
        return self._call("GET", "/screenshot")

    def ended(self) -> bool:
        """Whether the app has ended, waiting a moment for it."""
        return _poll_until(self._process.poll, _PATIENCE) is not None

    def close(self) -> None:
        """End the emulator."""
        if self._link is not None:
            self._link.close()
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._asking.shutdown(cancel_futures=True)
        self._log.unlink(missing_ok=True)

    def _wait_for_start(self) -> None:
        def look() -> bool | None:
            if self._process.poll() is not None:
                raise DeviceError(f"the emulator ended at once: {self._last_words()}")
            try:
                with socket.create_connection((_HOST, self.apdu_port)):
                    pass
                return bool(self._texts("")) or None
            except (OSError, TransportError):
                return None

        if _poll_until(look, _START) is None:
            raise DeviceError(f"the emulator shows nothing: {self._last_words()}")

    def _call(self, method: str, path: str, body: Mapping[str, str] | None = None) -> bytes:
        connection = http.client.HTTPConnection(_HOST, self._api_port, timeout=_PATIENCE)
        try:
            payload = json.dumps(body) if body is not None else None
            connection.request(method, path, payload, {"Content-Type": "application/json"} if body else {})
            # Closed by hand: what Python does when it frees an open one loses a Ctrl-C that comes just then.
            with connection.getresponse() as response:
                data = response.read()
        except (OSError, http.client.HTTPException) as e:
            raise TransportError(f"the emulator does not answer: {e}") from e
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            raise TransportError(f"the emulator answered {response.status} to {method} {path}")
        return data

    def _texts(self, query: str) -> Screen:
        events = json.loads(self._call("GET", f"/events{query}"))["events"]
        return tuple(str(event["text"]) for event in events)

    def _forget_events(self) -> None:
        self._call("DELETE", "/events")

    def _wait_for_screen(self, over: Callable[[], bool]) -> Screen:
        """The screen that came since events were forgotten, once no more texts come.

        An app may draw a screen twice: the events then hold its texts twice, the current screen once.
        """
        seen: list[Screen] = [()]

        def look() -> Screen | None:
            if over():
                return seen[-1]
            seen.append(self._texts(""))
            return seen[-1] if seen[-1] and seen[-3:] == [seen[-1]] * 3 else None

        settled = _poll_until(look, _SETTLE) or seen[-1]
        return settled if not settled or over() else self._texts("?currentscreenonly=true") or settled

    def _last_words(self) -> str:
        lines = self._log.read_text("utf-8", "replace").splitlines() if self._log.exists() else []
        return " | ".join(lines[-3:])


def start(
    elf: Path,
    target: Target | None = None,
    *,
    python: Path,
    options: Sequence[str] = (),
    folder: Path | None = None,
    ports: tuple[int, int] | None = None,
) -> Emulator:
    """Start an app without a window and wait until it shows something.

    Args:
        elf: the built app.
        target: the device; what the ELF says, if None.
        python: interpreter of an environment with the Speculos that knows the target
            (``environment_name``).
        options: more options of Speculos (``--seed``, ``--load-nvram`` …).
        folder: where Speculos runs; it keeps non-volatile memory there.
        ports: for commands and for its HTTP interface; any that are free, if None.

    Raises:
        ConfigError: no such file or interpreter.
        ImageError: not an app.
        DeviceError: the emulator does not start, or shows nothing.
    """
    target = target or target_of(elf)
    if not python.exists():
        raise ConfigError(
            "the emulator is not installed", hint="run ./inv test or ./inv emulate once", where=str(python)
        )
    for attempt in range(_ATTEMPTS):
        apdu_port, api_port = ports or free_ports(2)
        words = command(
            elf.absolute(), target, python=python, apdu_port=apdu_port, api_port=api_port, options=options
        )
        emulator = None
        try:
            with _ctrl_c_waits():
                handle, name = tempfile.mkstemp(prefix="emulator-", suffix=".log")
                with os.fdopen(handle, "wb") as log:
                    process = subprocess.Popen(
                        words, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=folder
                    )
                emulator = Emulator(process, Path(name), target, apdu_port, api_port)
            emulator._wait_for_start()  # noqa: SLF001 - the constructor's other half
        except BaseException as e:
            if emulator:
                emulator.close()
            if isinstance(e, DeviceError) and "in use" in str(e) and not ports and attempt + 1 < _ATTEMPTS:
                continue
            raise
        return emulator
    raise DeviceError("the emulator found no free port")


@contextlib.contextmanager
def _ctrl_c_waits() -> Iterator[None]:
    """Ctrl-C and requests to end wait for the end of the block: what starts in it is known by then.

    Raises:
        KeyboardInterrupt: at the end, if one came.
    """
    came: list[int] = []
    handlers: dict[int, Callable[[int, FrameType | None], object]] = {}
    if threading.current_thread() is threading.main_thread():  # others never get one
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            handler = signal.getsignal(number)
            if callable(handler):
                handlers[number] = handler
                signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for held, handler in handlers.items():
            signal.signal(held, handler)
    if came:
        raise KeyboardInterrupt


def run(
    elf: Path,
    target: Target,
    *,
    python: Path,
    apdu_port: int,
    api_port: int,
    says: IO[str] | None = None,
) -> None:
    """Run an app that programs talk to, until it ends or a person presses Ctrl-C.

    What the emulator prints goes to ``says``, or to our own standard output.

    Raises:
        DeviceError: the emulator failed.
    """
    words = command(elf.absolute(), target, python=python, apdu_port=apdu_port, api_port=api_port)
    process = None
    try:
        with _ctrl_c_waits():
            # Ctrl-C is ours alone, and the emulator is told to end.
            process = subprocess.Popen(words, stdout=says, start_new_session=True)
        status = process.wait()
    except KeyboardInterrupt:
        if process:
            process.terminate()
            process.wait()
        return
    if status:
        raise DeviceError(f"the emulator ended with status {status}")


def check_ports(ports: Mapping[str, int]) -> None:
    """Refuse ports that the emulator could not bind; ``ports`` by the option that names them.

    Raises:
        ConfigError: not a port, or one twice.
        DeviceError: another program has it.
    """
    for option, port in ports.items():
        if not 1 <= port <= _LAST_PORT:
            raise ConfigError(f"{option} {port} is not a port", hint=f"ports are 1 to {_LAST_PORT}")
    if len(set(ports.values())) < len(ports):
        raise ConfigError(f"{' and '.join(ports)} are the same port")
    for option, port in ports.items():
        try:
            socket.create_server((_HOST, port)).close()
        except OSError as e:
            hint = f"another emulator may run; end it, or give another {option}"
            raise DeviceError(f"port {port} cannot be used: {os.strerror(e.errno or 0)}", hint=hint) from e


_KEYS: Mapping[str, Button] = {
    "l": "left",
    "left": "left",
    "r": "right",
    "right": "right",
    "b": "both",
    "both": "both",
}


def watch(
    emulator: Emulator, stdin: int, show: Callable[[Screen], None], refuse: Callable[[str], None]
) -> None:
    """Show every screen, and press what the lines of a file descriptor say, until the app ends or Ctrl-C.

    Lines are ``left``, ``right``, ``both`` or the first letters of these; ``refuse`` is told of others.
    """
    shown: Screen = ()
    pending = b""
    reads = [stdin]
    while emulator.runs():
        ready, _, _ = select.select(reads, [], [], _LOOK)
        if ready:
            read = os.read(stdin, 1 << 12)
            reads = reads if read else []
            *lines, pending = (pending + read).split(b"\n")
            for line in lines:
                word = line.decode("utf-8", "replace").strip()
                if word in _KEYS:
                    shown = emulator.press(_KEYS[word])
                    show(shown)
                elif word:
                    refuse(word)
        screen = emulator.settled()
        if screen and screen != shown:
            show(screen)
            shown = screen
