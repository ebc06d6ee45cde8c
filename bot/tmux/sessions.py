"""The life of sessions, windows and panes, by libtmux in threads. What happens to a living pane is in panes.py."""

from __future__ import annotations

import asyncio
import glob
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bot.errors import MafError, NotFound, Refused
from bot.tmux import script
from bot.tmux.door import door
from bot.tmux.script import MARK, Window
from bot.tmux.server import (
    KEEP_ALIVE,
    TmuxGone,
    TmuxMissing,
    find_version,
    install_hint,
    server_environment,
    tmux_argv,
)

if TYPE_CHECKING:
    import libtmux

__all__ = ["SessionFacts", "Sessions", "TmuxFailed", "Window"]

T = TypeVar("T")

TIMEOUT = 15.0
# What a pane is born with when nobody looks: wide enough for the screens of both CLIs, as in the measured captures.
SIZE = (200, 50)
_PANE = re.compile(r"%\d+\Z")


class TmuxFailed(MafError):
    """tmux refused this."""

    code = "tmux"


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A session: `id` is tmux's (`$3`), `main` the pane that `create` made for the agent, "" for a session not ours."""

    id: str
    name: str
    main: str
    windows: int
    attached: int


class Sessions:
    """Sessions of one server; names as in contract.md (`maf-w1`). A server that starts reads `config`."""

    def __init__(self, socket: str, config: Path | None = None, *, timeout: float = TIMEOUT) -> None:
        self.socket = socket
        self.config = config
        self.timeout = timeout

    async def create(
        self,
        name: str,
        *,
        cwd: Path,
        env: Mapping[str, str],
        argv: Sequence[str],
        windows: Sequence[Window] = (),
        window: str = "agent",
        size: tuple[int, int] = SIZE,
    ) -> str:
        """Make a session and run argv in its main pane, directly, in exactly this folder; the main pane's id.

        `env` adds to the server's environment, of which every MAF_ variable is taken out. All or nothing: after an
        error no session is left. Raises Refused (name taken, folder missing), WrongUsage (names), TmuxFailed, TmuxGone.
        """
        write = partial(script.create, name, cwd=cwd, env=env, argv=argv, window=window, windows=windows, size=size)
        async with door(self.socket):  # a new session is news
            return await self._in_thread(lambda: self._create(name, cwd, write))

    async def kill(self, name: str, *, pane: str) -> bool:
        """End the session that was made under this name with this main pane, and all that runs in it.

        False when there is no session of that name. Raises Refused when the one there is not ours.
        """
        async with door(self.socket):  # and so is the end of one
            return await self._in_thread(lambda: self._kill(name, pane))

    async def exists(self, name: str) -> bool:
        """Whether a session has exactly this name."""
        return await self.find(name) is not None

    async def find(self, name: str) -> SessionFacts | None:
        return next((session for session in await self.all() if session.name == name), None)

    async def all(self) -> list[SessionFacts]:
        """Every session of the server but our hidden one; none when no server runs."""
        return await self._in_thread(self._all)

    async def owner(self, name: str) -> tuple[str, str]:
        """(MAF_HOME, MAF_AGENT) as a session of ours was given them; "" for what it was not given."""
        return await self._in_thread(lambda: self._owner(name))

    async def add_window(self, name: str, window: Window, *, cwd: Path) -> str:
        """Open a side window in a session of ours; its first pane's id. It goes when its program ends."""
        return await self._in_thread(lambda: self._add_window(name, window, cwd))

    async def respawn(self, pane: str, argv: Sequence[str], env: Mapping[str, str], *, cwd: Path | None = None) -> str:
        """End what runs in the main pane of a session of ours and start argv there: same pane id, clean terminal. Was
        that pane closed, and the session lives by its side windows, it gets another one; its id.

        `env` replaces what was given before. `cwd` is the pane's present one unless given.
        Raises Refused when the pane is not the main pane of one of our sessions, TmuxFailed, TmuxGone.
        """
        return await self._in_thread(lambda: self._respawn(pane, argv, env, cwd))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Every call of tmux in it is bounded, and so is all of it for who waits: the first that hangs ends it."""
        from libtmux.exc import LibTmuxException, TmuxCommandNotFound

        from bot.tmux.bounded import no_answer

        try:
            async with asyncio.timeout(2 * self.timeout):
                return await asyncio.to_thread(work)
        except TimeoutError:
            raise no_answer(2 * self.timeout) from None
        except TmuxCommandNotFound:
            raise TmuxMissing(hint=install_hint()) from None
        except LibTmuxException as error:
            raise TmuxFailed(f"tmux: {error}") from None

    def _server(self) -> libtmux.Server:
        from bot.tmux.bounded import BoundedServer

        return BoundedServer(self.socket, self.config, self.timeout)

    def _ask(self, *arguments: str) -> list[str]:
        done = self._server().cmd(*arguments)
        if done.returncode != 0 or done.stderr:
            raise TmuxFailed("tmux: " + " ".join(done.stderr or done.stdout or ["no reason given"]))
        return done.stdout

    def _start_server(self) -> None:
        """Not by libtmux: it would hand our whole environment, the bot token too, to the server and every pane."""
        find_version()
        server = [*tmux_argv(self.socket, self.config), "new-session", "-d", "-s", KEEP_ALIVE, *script.PLACEHOLDER]
        server += [";", "set-option", "-t", f"={KEEP_ALIVE}:", "destroy-unattached", "off"]
        try:
            done = subprocess.run(
                server,
                env=server_environment(),
                cwd="/",
                capture_output=True,
                text=True,
                timeout=self.timeout,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise TmuxGone(f"tmux does not start: {error}") from None
        if done.returncode != 0 and "duplicate session" not in done.stderr:
            raise TmuxGone(f"tmux does not start: {done.stderr.strip()}")

    def _source(self, text: str) -> list[str]:
        """Run the lines through a file that only we can read."""
        descriptor, path = tempfile.mkstemp(prefix="maf-", suffix=".tmux")  # mode 0600
        try:
            with os.fdopen(descriptor, "w", encoding="utf8", errors="surrogateescape") as file:
                file.write(text)
            try:
                return self._ask("source-file", glob.escape(path))  # it is taken for a pattern
            except TmuxFailed as error:  # tmux names the file and line: ours, and gone in a moment
                raise TmuxFailed(error.message.replace(f"{path}:1: ", "")) from None
        finally:
            Path(path).unlink(missing_ok=True)

    def _create(self, name: str, cwd: Path, write: Callable[..., str]) -> str:
        """`write` makes the script, given the names of the variables to take out."""
        _see(cwd)
        if self._server().cmd("list-sessions").returncode != 0:
            self._start_server()
        taken = {session.name: session for session in self._all()}
        if name in taken:
            hint = "Stop that agent first, or choose another id. Another project's? Set MAF_TMUX_SESSION in maf.env."
            raise Refused(
                f"There is already a tmux session named {name}.",
                hint=hint if taken[name].main else "It is not one of ours: choose another id, or end that session.",
            )
        try:
            said = self._source(write(gone=self._inherited()))
        except TmuxFailed:
            self._undo(name)
            raise
        main = _main(said)
        if not main:
            self._undo(name)
            raise TmuxFailed(f"The program in {name} ended as soon as it was started.")
        return main

    def _undo(self, name: str) -> None:
        """Take back a session that was half made: the name was free before, so it is ours."""
        self._server().cmd("kill-session", "-t", f"={name}")

    def _inherited(self) -> list[str]:
        """The server's MAF_ variables: one that the person started may hold anything, the token too."""
        return [name for name in self._server().show_environment() if name.startswith("MAF_")]

    def _all(self) -> list[SessionFacts]:
        server = self._server()
        form = (
            f"#{{session_id}} #{{session_windows}} #{{session_attached}} #{{?{MARK},#{{{MARK}}},-}} #{{session_name}}"
        )
        listed = server.cmd("list-sessions", "-F", form)
        found: list[SessionFacts] = []
        for line in listed.stdout if listed.returncode == 0 else ():
            id_, count, attached, main, name = line.split(" ", 4)
            if name != KEEP_ALIVE:
                found.append(SessionFacts(id_, name, "" if main == "-" else main, int(count), int(attached)))
        return found

    def _ours(self, name: str) -> SessionFacts:
        session = next((s for s in self._all() if s.name == name), None)
        if session is None:
            raise NotFound.of("tmux session", name)
        if not session.main:
            raise Refused(f"The tmux session {name} was not made by us.")
        return session

    def _kill(self, name: str, pane: str) -> bool:
        session = next((s for s in self._all() if s.name == name), None)
        if session is None:
            return False
        if session.main != pane:
            raise Refused(f"The tmux session {name} is another one than ours; it was left alone.")
        self._ask("kill-session", "-t", session.id)
        return True

    def _owner(self, name: str) -> tuple[str, str]:
        listed = self._server().cmd("show-environment", "-t", f"={name}:")
        given = dict(line.split("=", 1) for line in listed.stdout if "=" in line) if listed.returncode == 0 else {}
        return given.get("MAF_HOME", ""), given.get("MAF_AGENT", "")

    def _add_window(self, name: str, window: Window, cwd: Path) -> str:
        self._ours(name)
        made = script.add_window(name, window, cwd)
        made[0] = made[0].replace("new-window -d", 'new-window -d -P -F "NEW #{pane_id}"', 1)
        said = self._source(script.one_line(made))
        return next(text.split()[1] for text in said if text.startswith("NEW %"))

    def _respawn(self, pane: str, argv: Sequence[str], env: Mapping[str, str], cwd: Path | None) -> str:
        session = next((s for s in self._all() if s.main == pane), None) if _PANE.match(pane) else None
        if session is None:
            raise Refused(f"Pane {pane} is not the main pane of a session of ours.")
        at = cwd or Path(self._ask("display-message", "-p", "-t", pane, "#{pane_current_path}")[0])
        _see(at)
        given = [name for line in self._ask("show-environment", "-t", session.id) for name in [line.split("=")[0]]]
        followed = set(self._ask("show-options", "-gv", "update-environment"))
        stale = [name.lstrip("-") for name in given if name.lstrip("-") not in followed]
        if pane in self._ask("list-panes", "-s", "-t", session.id, "-F", "#{pane_id}"):
            self._source(script.respawn(session.name, pane, cwd=at, env=env, gone=stale, argv=argv))
            return pane
        return _main(self._source(script.reopen(session.name, cwd=at, env=env, gone=stale, argv=argv, window="agent")))


def _see(folder: Path) -> None:
    """Raises Refused where it is not there: tmux would start in the home directory without a word."""
    if not folder.is_dir():
        raise Refused(f"The folder {folder} is not there.", hint="Bring it back, or make an agent in another one.")


def _main(said: Sequence[str]) -> str:
    """The pane that a script says it made; "" for one whose program ended at once."""
    return next((text.split()[1] for text in said if text.startswith("MAIN %")), "")
