"""A tmux server of a test's own, driven by the plain tmux program: tests judge our code from outside it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import psutil

from bot.tmux.door import lock_file
from tests.patience import PATIENCE_S

T = TypeVar("T")


def until(probe: Callable[[], T | None], what: str | Callable[[], str], timeout: float = PATIENCE_S) -> T:
    """Wait until `probe` gives something true, and return it. Fails naming `what` when the time is up; a function says
    what there is at that moment."""
    deadline = time.monotonic() + timeout
    while True:
        if value := probe():
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {what if isinstance(what, str) else what()}")
        time.sleep(0.05)


def ended(pid: int) -> bool:
    """Whether this process has ended. One that nobody has asked for yet is still listed, as a zombie: where the first
    process of a container comes round every two seconds, that long."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def end_server(socket: Path | str) -> None:
    """End the tmux server at this socket, if one is there, and wait until its process is gone.

    tmux 3.3a stays for good, without socket and sessions, where a control client was killed before it had read all:
    such a one is killed by its pid.
    """
    command = ["tmux", "-S", str(socket)]
    asked = subprocess.run(
        [*command, "display-message", "-p", "#{pid}"], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    if asked.returncode == 0 and asked.stdout.strip().isdecimal():
        pid = int(asked.stdout)
        subprocess.run([*command, "kill-server"], capture_output=True, timeout=PATIENCE_S, check=False)
        deadline = time.monotonic() + 2
        while not ended(pid):
            if time.monotonic() > deadline:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                break
            time.sleep(0.02)
    Path(socket).unlink(missing_ok=True)
    lock_file(str(socket)).unlink(missing_ok=True)


class Pane:
    """One pane and the person at its keyboard."""

    def __init__(self, server: PrivateTmux, name: str) -> None:
        self.server, self.id = server, name

    @property
    def screen(self) -> str:
        """What is on the screen, plain."""
        return self.server.run("capture-pane", "-p", "-t", self.id)

    @property
    def history(self) -> str:
        """The screen and all that scrolled away, wrapped lines joined."""
        return self.server.run("capture-pane", "-p", "-J", "-S", "-", "-t", self.id)

    def show(self, form: str) -> str:
        return self.server.run("display-message", "-p", "-t", self.id, form).rstrip("\n")

    @property
    def title(self) -> str:
        return self.show("#{pane_title}")

    @property
    def pid(self) -> int:
        return int(self.show("#{pane_pid}"))

    def paste(self, text: str) -> None:
        """A bracketed paste, and the pause that both CLIs need before Enter."""
        self.server.run("load-buffer", "-b", "test", "-", text=text)
        self.server.run("paste-buffer", "-p", "-d", "-b", "test", "-t", self.id)
        time.sleep(0.2)

    def keys(self, *names: str) -> None:
        self.server.run("send-keys", "-t", self.id, *names)

    def type(self, text: str) -> None:
        """Like a person: not within the burst that Codex takes for a paste."""
        self.server.run("send-keys", "-l", "-t", self.id, text)
        time.sleep(0.3)

    def sees(self, text: str, timeout: float = PATIENCE_S) -> str:
        """Wait until `text` is on the screen; returns the screen."""
        return until(
            lambda: self.screen if text in self.screen else None, lambda: f"{text!r} on\n{self.screen}", timeout
        )


class PrivateTmux:
    """`with PrivateTmux(folder) as tmux:`; the server is gone afterwards."""

    def __init__(self, folder: Path) -> None:
        # A socket path has room for about 100 bytes, and a test's own folder may be deeper than that.
        self.socket = Path("/tmp") / f"maf-test-{uuid.uuid4().hex[:12]}"
        self._folder = folder

    def __enter__(self) -> PrivateTmux:
        # Else it ends with its last pane, and who opens another at that moment meets a server that leaves.
        self.run("start-server", ";", "set-option", "-s", "exit-empty", "off")
        return self

    def __exit__(self, *_: object) -> None:
        end_server(self.socket)

    @property
    def _command(self) -> list[str]:
        return ["tmux", "-f", "/dev/null", "-S", str(self.socket)]

    def run(self, *words: str, text: str | None = None) -> str:
        done = subprocess.run(
            [*self._command, *words], input=text, capture_output=True, text=True, timeout=PATIENCE_S, check=True
        )
        return done.stdout

    def open(
        self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None, size: tuple[int, int] = (110, 36)
    ) -> Pane:
        """A new session with this program in its pane; `env` is its whole environment (TMUX is left out)."""
        clean = ["env", "-i", *(f"{name}={value}" for name, value in env.items())] if env is not None else []
        columns, rows = map(str, size)
        words = [
            "new-session",
            "-d",
            "-P",
            "-F",
            "#{pane_id}",
            "-x",
            columns,
            "-y",
            rows,
            "-c",
            str(cwd),
            *clean,
            *argv,
        ]
        return Pane(self, self.run(*words).strip())
