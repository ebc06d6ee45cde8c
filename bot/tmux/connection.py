"""One control-mode client process and the answers that come from it; it lives until the server or the process goes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bot.errors import MafError
from bot.tmux.protocol import Block, Parser, ProtocolError
from bot.tmux.server import TmuxGone

log = logging.getLogger(__name__)

READ_BYTES = 1 << 18


class OutOfStep(MafError):
    """tmux gave more or fewer answers than there were commands; none of them was believed."""

    code = "tmux_out_of_step"


@dataclass(frozen=True, slots=True)
class Reply:
    """What one command answered: its output lines, or with ok=False the error text."""

    ok: bool
    lines: list[str]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class Script:
    """A command line of several commands (`a ; b`, `if-shell`), which tmux answers with as many blocks.

    It is over when a block's last line begins with `ends_with` (so every branch must end in `display-message -p` of
    it), or with the first error, after which tmux drops the rest of the line. The reply's lines are those of all its
    blocks.
    """

    line: str
    ends_with: str


@dataclass(slots=True)
class Batch:
    """The commands of one call, written at once; a last one prints the sentinel, which proves the count right."""

    commands: Sequence[str | Script]
    done: asyncio.Future[list[Reply]]
    replies: list[Reply] = field(default_factory=list)
    gathered: list[str] = field(default_factory=list)
    out_of_step: bool = False

    def take(self, block: Block) -> None:
        """Give the block to the command whose turn it is."""
        if len(self.replies) == len(self.commands):
            self.out_of_step = True
            return
        command = self.commands[len(self.replies)]
        lines = block.lines
        if isinstance(command, Script):
            self.gathered += lines
            if block.ok and not (lines and lines[-1].startswith(command.ends_with)):
                return
            lines, self.gathered = self.gathered, []
        self.replies.append(Reply(block.ok, lines))

    def finish(self) -> None:
        """The sentinel came: answer the caller, unless it was cancelled or gave up."""
        if self.done.done():
            return
        if self.out_of_step or len(self.replies) != len(self.commands):
            self.done.set_exception(OutOfStep())
        else:
            self.done.set_result(self.replies)

    def fail(self, why: str) -> None:
        if not self.done.done():
            self.done.set_exception(TmuxGone(why))


class Connection:
    """Made by `open`; once `alive` is False it stays so."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        stdin: asyncio.StreamWriter,
        stdout: asyncio.StreamReader,
        stderr: asyncio.StreamReader,
        on_notification: Callable[[str], None],
    ) -> None:
        self._process = process
        self._stdin = stdin
        self._stdout = stdout
        self._stderr = stderr
        self._on_notification = on_notification
        self._sentinel = f"maf-{secrets.token_hex(8)}"
        self._batches: deque[Batch] = deque()
        self._gone = ""
        self.silent = False  # tmux did not answer in time, which is how this connection ended
        self._reader = asyncio.create_task(self._read(), name="tmux control")
        self._closing = asyncio.Lock()

    @classmethod
    async def open(cls, argv: Sequence[str], env: dict[str, str], on_notification: Callable[[str], None]) -> Connection:
        """Start the client. Raises OSError when the program does not start."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            limit=READ_BYTES,
            env=env,
            cwd="/",  # a server that we start must not hold somebody's folder
            start_new_session=True,  # Ctrl-C in the terminal of `maf up` must not cut the line
        )
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise OSError("no pipes to tmux")
        return cls(process, process.stdin, process.stdout, process.stderr, on_notification)

    @property
    def alive(self) -> bool:
        return not self._gone

    async def send(self, commands: Sequence[str | Script], timeout: float) -> list[Reply]:
        """Write all commands at once; their answers in order.

        Raises TmuxGone, OutOfStep, ValueError (a command that is not one line). A timeout ends the connection.
        """
        lines = [command.line if isinstance(command, Script) else command for command in commands]
        for line in lines:  # a newline would smuggle in a second command, an empty line ends the connection
            if "\n" in line or "\r" in line or not line.strip():
                raise ValueError(f"not one line: {line[:80]!r}")
        data = "\n".join([*lines, f"display-message -p {self._sentinel}", ""]).encode("utf8", "surrogateescape")
        if self._gone:
            raise TmuxGone(self._gone)
        batch = Batch(commands, asyncio.get_running_loop().create_future())
        self._batches.append(batch)
        self._stdin.write(data)
        try:
            async with asyncio.timeout(timeout):
                return await batch.done
        except TimeoutError:
            self.silent = True
            await self.close(f"tmux did not answer for {timeout:g} s")
            raise TmuxGone(self._gone) from None

    async def close(self, why: str) -> None:
        """End the client process (never the server) and fail what still waits."""
        self._fail(why)
        async with self._closing:  # several who waited give up at once, and a pipe has one reader
            self._reader.cancel()
            await asyncio.wait([self._reader])
            self._stdin.close()  # a client that hears nothing more leaves
            try:
                await self._left(1.0)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                with contextlib.suppress(TimeoutError):
                    await self._left(2.0)

    async def _left(self, timeout: float) -> None:
        """Until the client process has ended and its pipes are closed. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            for pipe in (self._stdout, self._stderr):
                while await pipe.read(READ_BYTES):
                    pass
            await self._process.wait()

    async def last_words(self) -> str:
        """What the client wrote to stderr, once it is gone."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                return (await self._stderr.read(2000)).decode("utf8", "replace").strip()
        return ""

    async def _read(self) -> None:
        parser = Parser()
        why = "The tmux server went away."
        try:
            while data := await self._stdout.read(READ_BYTES):
                for block in parser.feed(data):
                    if block.asked:
                        self._answer(block)
                notes, parser.notifications = parser.notifications, []
                for note in notes:
                    self._on_notification(note)
        except ProtocolError as error:
            why = f"tmux is not to be understood: {error}"
            log.warning("%s", why)
        except OSError as error:
            why = f"The connection to tmux broke: {error}"
        finally:
            self._fail(why)

    def _answer(self, block: Block) -> None:
        if not self._batches:
            raise ProtocolError("an answer that nobody asked for")
        if block.ok and block.body == self._sentinel.encode():
            self._batches.popleft().finish()
        else:
            self._batches[0].take(block)

    def _fail(self, why: str) -> None:
        self._gone = self._gone or why
        while self._batches:
            self._batches.popleft().fail(self._gone)
