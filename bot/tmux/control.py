"""The way to a tmux server: one persistent connection in control mode, commands pipelined, each answer matched.

Nothing here blocks the event loop and every wait is bounded. When the server goes away the running calls raise
TmuxGone, and the next call connects anew (to a fresh server, if there is none).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from bot.errors import MafError
from bot.tmux.connection import Connection, OutOfStep, Reply, Script
from bot.tmux.door import door
from bot.tmux.protocol import quote
from bot.tmux.server import (
    HUNG,
    KEEP_ALIVE,
    TESTED_FROM,
    TmuxGone,
    TmuxMissing,
    Version,
    find_version,
    server_environment,
    tmux_argv,
)

__all__ = ["ControlClient", "OutOfStep", "Reply", "Script", "TmuxGone", "TmuxMissing", "quote"]

# The hidden session stays when its last client leaves: its end would be news in the very moment in which the next
# client may be coming, which ends the server (see door.py). It is named, because a client that is not fully attached
# yet has another session as its current one, an agent's perhaps.
_SET_UP = (
    f"set-option -t ={KEEP_ALIVE}: destroy-unattached off",
    f"set-option -t ={KEEP_ALIVE}: status off",
    'display-message -p "#{pid}"',
)


_LAST_WORD_S = 2.0

# Between tries to connect, in seconds.
_PAUSES = (0.02, 0.1, 0.3)


class ControlClient:
    """The connection. `socket` is a server's name (`tmux -L`) or the absolute path of its socket (`tmux -S`).

    `guest`: the server is the person's own, and our hidden session goes when we do.
    """

    def __init__(self, socket: str, *, config: Path | None = None, timeout: float = 10.0, guest: bool = False) -> None:
        self.socket = socket
        self._guest = guest
        self.config = config
        self.timeout = timeout
        self.version: Version | None = None
        self.server_pid = 0  # of the server last connected to; another number means that all panes are new
        self.on_notification: Callable[[str], None] | None = None
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()
        self._silent = False  # the server did not answer the last time, and has not done so since
        self._closed = False

    @property
    def alive(self) -> bool:
        """True while a connection stands (which the server may yet close at any time)."""
        return self._connection is not None and self._connection.alive

    async def start(self) -> None:
        """Connect; starts the server with a hidden session if there is none.

        Raises TmuxMissing (no tmux, or too old a one) or TmuxGone (the server cannot be had, with tmux's own words).
        """
        self._closed = False
        await self._connect()

    async def close(self) -> None:
        """Let go of the server; the agents' sessions stay. Calls after this raise TmuxGone."""
        self._closed = True
        async with self._connecting:
            if self._connection is not None:
                async with door(self.socket):
                    await self._leave(self._connection)

    async def _leave(self, connection: Connection) -> None:
        """Go; and if nobody else is there, neither a session nor a client, let the hidden session go as well. On the
        person's own server it goes with the last client of ours."""
        try:
            found = await connection.send(['list-sessions -F "#{session_name} #{session_attached}"'], _LAST_WORD_S)
            ours, alone = f"{KEEP_ALIVE} 1", len(found[0].lines) == 1
            if found[0].ok and ours in found[0].lines and (alone or self._guest):
                await connection.send([f"kill-session -t ={KEEP_ALIVE}:"], _LAST_WORD_S)
        except MafError:
            pass  # the server is gone, or goes with this very command
        await connection.close("The connection to tmux was closed.")

    async def run(self, *commands: str | Script, timeout: float | None = None) -> list[Reply]:
        """Send the commands in one write and wait for all answers, in order; an error of one does not stop the next.

        A plain string must be one single command; a line of several is a Script. Text in it goes through `quote`.
        Raises TmuxGone when the server goes away or does not answer in time: what was sent may have happened or not.
        """
        if not commands:
            return []
        connection = await self._connect()
        return await connection.send(commands, self.timeout if timeout is None else timeout)

    async def _connect(self) -> Connection:
        if self._connection is not None and self._connection.alive:
            return self._connection
        async with self._connecting:
            if self._connection is not None:
                if self._connection.alive:
                    return self._connection
                self._silent = self._silent or self._connection.silent
                await self._connection.close("")
            if self._closed:
                raise TmuxGone("The connection to tmux was closed.")
            if self.version is None:
                self.version = await asyncio.to_thread(find_version)
            self._connection = await self._open_patiently(self.version)
            return self._connection

    async def _open_patiently(self, version: Version) -> Connection:
        """A server whose last client has just left may take us in and then end: the next one will not."""
        for pause in _PAUSES:
            if self._silent:
                await self._answers()
            try:
                async with door(self.socket):
                    return await self._open(version)
            except TmuxGone:
                if self._silent:
                    raise
                await asyncio.sleep(pause)
        async with door(self.socket):
            return await self._open(version)

    async def _answers(self) -> None:
        """Before we come again to a server that hung, ask it as an ordinary client: as a control client that gives up
        in its turn we would be the news of which door.py speaks. Raises TmuxGone while it hangs."""
        nothing = asyncio.subprocess.DEVNULL
        asking = await asyncio.create_subprocess_exec(
            *tmux_argv(self.socket), "list-sessions",
            stdin=nothing, stdout=nothing, stderr=nothing, env=server_environment(), start_new_session=True,
        )  # fmt: skip
        try:
            async with asyncio.timeout(self.timeout):
                await asking.wait()  # whatever it says: no server any more is an answer, too
        except TimeoutError:
            raise TmuxGone(f"tmux did not answer for {self.timeout:g} s", hint=HUNG) from None
        finally:
            if asking.returncode is None:
                asking.kill()
                await asking.wait()
        self._silent = False

    async def _open(self, version: Version) -> Connection:
        flags = ["-f", "no-output,ignore-size"] if version.number >= TESTED_FROM else []
        # `tail` and no shell: text that ever lands in this pane runs nothing.
        hidden = ["new-session", "-A", "-s", KEEP_ALIVE, "-x", "80", "-y", "24", *flags, "tail", "-f", "/dev/null"]
        argv = [*tmux_argv(self.socket, self.config), "-C", *hidden]
        try:
            connection = await Connection.open(argv, server_environment(), self._note)
        except OSError as error:
            raise TmuxGone(f"tmux does not start: {error}") from None
        try:
            replies = await connection.send(_SET_UP, self.timeout)
        except TmuxGone as error:
            self._silent = connection.silent
            said = await connection.last_words()
            await connection.close("")
            raise TmuxGone(f"tmux does not start: {said}" if said else error.message) from None
        except BaseException:  # cancelled half way: leave no client process behind
            await connection.close("")
            raise
        self.server_pid = int(replies[2].text) if replies[2].ok else 0
        return connection

    def _note(self, line: str) -> None:
        if self.on_notification is not None:
            self.on_notification(line)
