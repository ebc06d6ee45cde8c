"""The control socket: real sockets, the blocking client in a thread, the locks in real processes."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.cli import call
from bot.cli.terminal import Terminal
from bot.errors import DependencyMissing, NotFound, Refused, RemoteError
from bot.remote import client, lock
from bot.remote import server as server_module
from bot.remote.peer import Peer
from bot.remote.server import Server
from tests.patience import PATIENCE_S


class Bot:
    """What the bot would do with the requests, and what it saw."""

    def __init__(self) -> None:
        self.finished: list[str] = []
        self.hooks: list[dict[str, Any]] = []
        self.cancelled = asyncio.Event()
        self.go = asyncio.Event()

    async def who(self, peer: Peer) -> Peer:
        return peer

    async def operate(self, peer: Peer, op: str, params: dict[str, Any]) -> Any:
        if op == "missing":
            raise NotFound.of("agent", params["id"], ["w1"])
        if op == "broken":
            raise ZeroDivisionError("secret detail")
        if op == "waits":
            await self.go.wait()
        self.finished.append(op)
        if op == "who":
            return {"pid": peer.pid, "uid": peer.uid}
        return {"op": op, **params}

    async def hook(self, peer: Peer, event: dict[str, Any]) -> Any:
        self.hooks.append(event)
        if event.get("fails"):
            raise ZeroDivisionError
        if event.get("waits"):
            try:
                await self.go.wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        return {"decision": "allow"}


@asynccontextmanager
async def serving(path: Path) -> AsyncIterator[Bot]:
    bot = Bot()
    server = Server(path, bot.who, bot.operate, bot.hook)
    await server.start()
    try:
        yield bot
    finally:
        bot.go.set()
        await server.stop()


async def ask(path: Path, op: str, **params: Any) -> Any:
    return await asyncio.to_thread(client.call, path, op, params, timeout=PATIENCE_S)


async def test_an_answer_carries_any_text(tmp_path: Path) -> None:
    text = "line\nline\u2028 \x00 ; $ ` \" ' Привет 🙂 \ud800" + "x" * 200_000
    async with serving(tmp_path / "maf.sock"):
        answer = await ask(tmp_path / "maf.sock", "echo", text=text)
    # A lone surrogate has no UTF-8 form; everything else comes back as it went.
    assert answer["op"] == "echo"
    assert answer["text"].replace("?", "").startswith("line\nline\u2028 \x00 ; $ ` \" ' Привет 🙂 ")
    assert answer["text"].endswith("x" * 200_000)


async def test_who_asks_is_told_by_the_kernel(tmp_path: Path) -> None:
    async with serving(tmp_path / "maf.sock"):
        answer = await ask(tmp_path / "maf.sock", "who", pid=1, uid=7, actor="cli:olga")
    assert answer == {"pid": os.getpid(), "uid": os.getuid()}


async def test_an_error_of_ours_arrives_whole(tmp_path: Path) -> None:
    async with serving(tmp_path / "maf.sock"):
        with pytest.raises(RemoteError) as caught:
            await ask(tmp_path / "maf.sock", "missing", id="w2")
    assert (caught.value.message, caught.value.code, caught.value.exit_code) == (
        "No agent named w2. Did you mean w1?",
        "not_found",
        1,
    )


async def test_a_fault_is_told_without_its_details_and_the_server_goes_on(tmp_path: Path) -> None:
    async with serving(tmp_path / "maf.sock"):
        with pytest.raises(RemoteError) as caught:
            await ask(tmp_path / "maf.sock", "broken")
        assert caught.value.code == "internal"
        assert "secret detail" not in caught.value.message
        assert await ask(tmp_path / "maf.sock", "echo") == {"op": "echo"}


@pytest.mark.parametrize(
    "line", [b"nonsense\n", b"[1]\n", b'{"op": 3}\n', b'{"hook": 3}\n', b'{"op": "echo", "params": []}\n']
)
async def test_a_request_that_is_none_gets_an_error(tmp_path: Path, line: bytes) -> None:
    def raw() -> dict[str, Any]:
        with client.connect(tmp_path / "maf.sock") as link, link.makefile("rb") as answers:
            link.sendall(line)
            answer: dict[str, Any] = json.loads(answers.readline())
            return answer

    async with serving(tmp_path / "maf.sock"):
        assert (await asyncio.to_thread(raw))["error"]["exit_code"] == 2


async def test_a_request_longer_than_any_is_dropped_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bot.remote.server.LINE_LIMIT", 1000)
    async with serving(tmp_path / "maf.sock"):
        reader, writer = await asyncio.open_unix_connection(tmp_path / "maf.sock")
        writer.write(b"x" * 5000)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        assert (await ask(tmp_path / "maf.sock", "fine"))["op"] == "fine"
    gc.collect()  # a task that died of it would say so now
    assert [record.name for record in caplog.records] == ["bot.remote.server"]


async def test_an_operation_ends_though_the_one_who_asked_hung_up(tmp_path: Path) -> None:
    async with serving(tmp_path / "maf.sock") as bot:
        link = client.connect(tmp_path / "maf.sock")
        link.sendall(b'{"op": "waits", "params": {}}\n')
        await ask(tmp_path / "maf.sock", "echo")
        link.close()
        bot.go.set()
        async with asyncio.timeout(PATIENCE_S):
            while len(bot.finished) < 2:
                await asyncio.sleep(0.01)
        assert bot.finished == ["echo", "waits"]


async def test_who_never_reads_the_answer_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "REQUEST_TIMEOUT_S", 0.3)
    bot = Bot()
    server = Server(tmp_path / "maf.sock", bot.who, bot.operate, bot.hook)
    await server.start()
    with socket.socket(socket.AF_UNIX) as stopped:  # as a command that somebody stopped with Ctrl-Z
        stopped.connect(str(tmp_path / "maf.sock"))
        text = "x" * 8_000_000
        await asyncio.to_thread(stopped.sendall, json.dumps({"op": "long", "params": {"text": text}}).encode() + b"\n")
        async with asyncio.timeout(PATIENCE_S):
            while not bot.finished or server._open:
                await asyncio.sleep(0.05)
    assert bot.finished == ["long"]
    await server.stop()


async def test_a_hook_whose_cli_went_away_is_cancelled(tmp_path: Path) -> None:
    async with serving(tmp_path / "maf.sock") as bot:
        link = client.connect(tmp_path / "maf.sock")
        link.sendall(b'{"hook": {"waits": true}}\n')
        async with asyncio.timeout(PATIENCE_S):
            while not bot.hooks:
                await asyncio.sleep(0.01)
            link.close()
            await bot.cancelled.wait()
        assert bot.finished == []


@pytest.mark.parametrize("turns", range(5))
async def test_who_comes_while_the_bot_leaves_is_answered_or_turned_away(tmp_path: Path, turns: int) -> None:
    """However many turns of the loop before: nobody is left hanging, and no connection stays behind."""
    bot, path = Bot(), tmp_path / "maf.sock"
    server = Server(path, bot.who, bot.operate, bot.hook)
    await server.start()
    link = client.connect(path)
    link.settimeout(PATIENCE_S)
    with link:
        link.sendall(b'{"op": "echo", "params": {}}\n')
        for _ in range(turns):
            await asyncio.sleep(0)
        await server.stop()
        try:
            answer = await asyncio.to_thread(link.recv, 65536)
        except ConnectionError:
            answer = b""
    assert answer == (b'{"result": {"op": "echo"}}\n' if bot.finished else b"")
    gc.collect()  # a connection that stayed behind is a ResourceWarning, and so an error


@pytest.mark.parametrize("turns", range(5))
async def test_a_bot_that_is_told_to_leave_while_it_starts_leaves_no_socket(tmp_path: Path, turns: int) -> None:
    bot, path = Bot(), tmp_path / "maf.sock"
    server = Server(path, bot.who, bot.operate, bot.hook)
    starting = asyncio.create_task(server.start())
    for _ in range(turns):
        await asyncio.sleep(0)
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await server.stop()
    assert not path.exists()
    gc.collect()  # a socket that still listens is a ResourceWarning, and so an error


async def test_hooks_are_answered_and_a_failing_one_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "maf.sock"
    async with serving(path):
        assert await asyncio.to_thread(client.tell_hook, path, {"a": 1}, timeout=5) == {"decision": "allow"}
        assert await asyncio.to_thread(client.tell_hook, path, {"fails": True}, timeout=5) is None


async def test_the_socket_is_private_and_goes_with_the_server(tmp_path: Path) -> None:
    path = tmp_path / "maf.sock"
    path.write_text("left by a crash")
    async with serving(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_ISSOCK(path.stat().st_mode)
    assert not path.exists()


async def test_a_home_with_a_long_path_works_too(tmp_path: Path) -> None:
    path = tmp_path / ("deep" * 30) / "run" / "maf.sock"
    async with serving(path):
        assert await ask(path, "echo") == {"op": "echo"}
        place = path.readlink()
    assert not place.exists()
    assert not place.parent.exists()
    assert not path.is_symlink()


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(client.NoBot):
        client.call(tmp_path / "maf.sock", "echo", {}, timeout=1)
    (tmp_path / "maf.sock").touch()
    with pytest.raises(client.NoBot):
        client.call(tmp_path / "maf.sock", "echo", {}, timeout=1)


@pytest.mark.parametrize(
    ("behaviour", "error"), [("hangs", client.BotSlow), ("dies", client.BotGone), ("rubbish", client.BotGone)]
)
def test_a_bot_that_does_not_answer(tmp_path: Path, behaviour: str, error: type[DependencyMissing]) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "maf.sock"))
    listener.listen()
    done = threading.Event()

    def misbehave() -> None:
        link, _ = listener.accept()
        with link:
            link.recv(65536)
            if behaviour == "rubbish":
                link.sendall(b"no json\n")
            if behaviour == "hangs":
                done.wait(5)

    thread = threading.Thread(target=misbehave)
    thread.start()
    try:
        with pytest.raises(error):
            client.call(tmp_path / "maf.sock", "echo", {}, timeout=0.3)
    finally:
        done.set()
        thread.join()
        listener.close()


HOLDER = """
import sys
from pathlib import Path
from bot.remote.lock import hold
with hold(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize(("purpose", "words"), [("bot", "A bot already runs on"), ("db restore", "db restore")])
def test_two_processes_never_hold_one_home(tmp_path: Path, purpose: str, words: str) -> None:
    path = tmp_path / "run" / "maf.lock"
    command = [sys.executable, "-c", HOLDER, str(path), purpose]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        assert lock.holder(path) == f"{other.pid} {purpose}"
        with pytest.raises(lock.HomeBusy, match=words) as caught, lock.hold(path, "agent.send"):
            pytest.fail("both hold it")
        assert str(other.pid) in caught.value.message
        other.kill()
        other.wait()
    # The kernel dropped the lock with the process; what stands in the file is history.
    assert lock.holder(path) == ""
    with lock.hold(path, "agent.send"):
        pass


@pytest.mark.parametrize(
    ("purpose", "error", "words"),
    [("bot", call.BotNotReady, "starting or ending"), ("bead.claim", lock.HomeBusy, "Another maf command")],
)
def test_a_command_that_waited_for_the_home_in_vain_says_for_whom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, purpose: str, error: type[Refused], words: str
) -> None:
    terminal = Terminal(home_option=str(tmp_path))
    monkeypatch.setattr(call, "LOCK_PATIENCE_S", 0.1)
    with lock.hold(terminal.home.lock, purpose), pytest.raises(error, match=words) as caught:
        call.act(terminal, "agent.stop", {"id": "w1"})
    assert "Stop" not in caught.value.hint
