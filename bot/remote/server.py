"""The bot's side of the control socket (asyncio)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from bot.errors import Internal, MafError, WrongUsage
from bot.foreign import read_json
from bot.remote.peer import Peer, peer_of

log = logging.getLogger(__name__)

# A hook may carry 10 MB of tool output; JSON escapes make it longer.
LINE_LIMIT = 64 * 1024 * 1024
REQUEST_TIMEOUT_S = 30.0
# sun_path holds 104 bytes on macOS and 108 on Linux, the closing zero included.
LONGEST_PATH = 100
# Turns of the loop from accepting a connection to serving it; asyncio (3.11) loses one whose server closes meanwhile.
ACCEPT_TURNS = 3

Who = TypeVar("Who")


class Server(Generic[Who]):
    """Listens on the socket of a home. The caller holds the home's lock (lock.py), so whatever file lies there is
    stale.

    who(peer) tells who connected; it is asked at once, while that process is surely there, and by the kernel's word:
    nothing in a request says who sends it. operate(who, op, params) does one operation; a MafError becomes the error
    that the command prints. It is run to its end even when the one who asked hangs up: half an operation is worse than
    one nobody reads. hook(who, event) answers an object or None and is cancelled when the agent's CLI drops the hook (a
    person answered in the pane).
    """

    def __init__(
        self,
        path: Path,
        who: Callable[[Peer], Awaitable[Who]],
        operate: Callable[[Who, str, dict[str, Any]], Awaitable[Any]],
        hook: Callable[[Who, dict[str, Any]], Awaitable[Any]],
    ) -> None:
        self.path = path
        self._who = who
        self._operate = operate
        self._hook = hook
        self._server: asyncio.Server | None = None
        self._short: Path | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen on the path, for its owner alone. One that is too long for a socket becomes a link to a short one."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        place = self.path
        if len(os.fsencode(place)) > LONGEST_PATH:
            self._short = Path(tempfile.mkdtemp(prefix="maf-"))
            place = self._short / "maf.sock"
        before = os.umask(0o177)
        try:
            # Without serving: from here to there the start cannot be cancelled, and what listens is ours to close.
            self._server = await asyncio.start_unix_server(self._accept, place, limit=LINE_LIMIT, start_serving=False)
        finally:
            os.umask(before)
        await self._server.start_serving()
        if place != self.path:
            self.path.symlink_to(place)

    async def stop(self, *, grace: float = 5.0) -> None:
        """Take no more requests, let those at work end within `grace` seconds, remove the socket."""
        if self._server is None:
            return
        for listening in self._server.sockets:
            asyncio.get_running_loop().remove_reader(listening.fileno())
        for _ in range(ACCEPT_TURNS):
            await asyncio.sleep(0)
        self._server.close()
        if self._open:
            _, late = await asyncio.wait(self._open, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self.path.unlink(missing_ok=True)
        if self._short is not None:
            (self._short / "maf.sock").unlink(missing_ok=True)
            self._short.rmdir()
        self._server = None

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            who = await self._who(peer_of(writer.get_extra_info("socket")))
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                line = await reader.readline()
            answer = await self._answer(who, line, reader)
            if answer is not None:
                async with asyncio.timeout(REQUEST_TIMEOUT_S):
                    await _write(writer, answer)
        except (ConnectionError, TimeoutError):
            log.debug("the other side of the control socket went away, or reads no more")
            writer.transport.abort()
        except ValueError:  # of the reader
            log.warning("a request on the control socket was longer than %d MB; it was not read", LINE_LIMIT >> 20)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, who: Who, line: bytes, reader: asyncio.StreamReader) -> dict[str, Any] | None:
        try:
            request = read_json(line)
            if not isinstance(request, dict):
                raise WrongUsage("A request is a JSON object on one line.")
            if "hook" in request:
                return await self._answer_hook(who, request["hook"], reader)
            return {"result": await self._do(who, request)}
        except MafError as error:
            return {"error": {**error.as_dict(), "exit_code": error.exit_code}}
        except ValueError:
            return {"error": {"code": "usage", "message": "That is no JSON.", "hint": "", "exit_code": 2}}

    async def _do(self, who: Who, request: dict[str, Any]) -> Any:
        op, params = request.get("op"), request.get("params", {})
        if not isinstance(op, str) or not isinstance(params, dict):
            raise WrongUsage('A request is {"op": "…", "params": {…}}.')
        try:
            return await self._operate(who, op, params)
        except MafError:
            raise
        except Exception as error:  # The edge of the process: a fault in one operation must not end the bot.
            log.exception("operation %s failed", op)
            raise Internal() from error

    async def _answer_hook(self, who: Who, event: Any, reader: asyncio.StreamReader) -> dict[str, Any] | None:
        if not isinstance(event, dict):
            raise WrongUsage("A hook event is a JSON object.")
        work = asyncio.ensure_future(self._hook(who, event))
        gone = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            return {"result": work.result()} if work.done() else None
        except MafError:
            raise
        except Exception:  # As above; and a hook that fails must never stand in the way of the agent.
            log.exception("a hook failed")
            return {"result": None}
        finally:
            for task in (work, gone):
                task.cancel()
            await asyncio.gather(work, gone, return_exceptions=True)


async def _write(writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
    writer.write(json.dumps(message, ensure_ascii=False, default=str).encode("utf8", "replace") + b"\n")
    await writer.drain()
