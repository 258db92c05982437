"""What an engine says, in our words; no engine is asked."""

import os
from pathlib import Path
from typing import Any

import pytest

from toolchain.build import engine
from toolchain.build.engine import Engine, ImageFacts
from toolchain.errors import ConfigError


def facts(layers: list[str], digests: list[str]) -> ImageFacts:
    attrs: dict[str, Any] = {
        "RootFS": {"Layers": layers},
        "RepoDigests": digests,
        "Config": {"Env": ["PATH=/bin", "NANOSP_SDK=/opt/sdk", "broken"]},
        "Architecture": "amd64",
        "Size": 7,
    }
    return engine._facts(attrs, "sha256:id")


def test_an_image_is_known_by_what_others_can_check() -> None:
    assert facts(["sha256:1", "sha256:2"], ["a.example/b@sha256:dd"]).identity == "sha256:dd"
    assert facts(["sha256:1"], ["localhost/b@sha256:ee"]).identity == "sha256:id"
    assert facts(["sha256:1", "sha256:2"], []).identity == "sha256:id"


def test_what_an_image_carries() -> None:
    found = facts(["sha256:1"], [])
    assert found.environment == {"PATH": "/bin", "NANOSP_SDK": "/opt/sdk"}
    assert (found.architecture, found.size) == ("amd64", 7)


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        (
            [
                "Step 2/3 : RUN x\n",
                "Reading...\n",
                "\x1b[91mE: Version '9' for 'make' was not found\n\x1b[0m",
            ],
            "Version '9' for 'make' was not found",
        ),
        (
            ["Reading\n", "\x1b[91mE: Version '9' fo", "r 'make' was not", " found\n\x1b[0m", "Removing\n"],
            "Version '9' for 'make' was not found",
        ),
        (
            ["\x1b[91mW: Failed to fetch http://m/InRelease  refused\nE: Some index files failed\n\x1b[0m"],
            "Failed to fetch http://m/InRelease  refused",
        ),
        (["Step 1/1 : COPY x\n", "no such file\n", "Removing intermediate container 1\n"], "no such file"),
        ([], "a step failed"),
    ],
)
def test_a_failed_step_in_its_own_words(said: list[str], complaint: str) -> None:
    assert engine._complaint([{"stream": text} for text in said]) == complaint


def test_no_engine_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(ConfigError, match="no container engine answers at unix://"):
        Engine.connect()
    monkeypatch.delenv("DOCKER_HOST")
    monkeypatch.setattr(engine, "_sockets", lambda: (tmp_path / "none.sock",))
    with pytest.raises(ConfigError, match="no container engine answers at the usual sockets"):
        Engine.connect()


def test_a_socket_of_a_user_is_rootless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    socket = tmp_path / "engine.sock"
    socket.touch()
    stat = os.stat_result((0o600, 1, 1, 1, 1000, 1000, 0, 0, 0, 0))
    monkeypatch.setattr(Path, "stat", lambda _self, **_: stat)
    assert engine._serves_its_owner(f"unix://{socket}")
    monkeypatch.undo()
    assert engine._serves_its_owner(f"unix://{socket}") == (os.getuid() != 0)
    assert not engine._serves_its_owner(f"unix://{tmp_path}/none.sock")
    assert not engine._serves_its_owner("tcp://127.0.0.1:2375")
