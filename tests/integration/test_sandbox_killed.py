"""The sandbox killed with -9 right after it answered: no number that it gave stands for something else later."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.world import AHEAD, World
from tests.patience import PATIENCE_S

TOKEN, KEY = "700000001:" + "a" * 35, "the-key"
CHILD = """
import asyncio, sys
from pathlib import Path
from bot.sandbox.server import Sandbox
async def main():
    server = Sandbox(0, token=sys.argv[1], key=sys.argv[2], state_file=Path(sys.argv[3]))
    await server.start()
    print(server.port, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


class There:
    def __init__(self, port: int) -> None:
        self.origin = f"http://127.0.0.1:{port}"

    def ask(self, path: str, body: dict[str, Any]) -> Any:
        headers = {"Content-Type": "application/json", "X-Sandbox-Key": KEY}
        request = urllib.request.Request(self.origin + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def say(self, text: str) -> int:
        return int(self.ask("/sandbox/chats/1001/messages", {"from": 1001, "text": text})["message_id"])

    def bot(self, method: str, **parameters: Any) -> Any:
        return self.ask(f"/bot{TOKEN}/{method}", parameters)["result"]


@contextmanager
def killed_after(state: Path) -> Iterator[There]:
    """A sandbox that gets no moment more than the block."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, TOKEN, KEY, str(state)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        try:
            yield There(int(child.stdout.readline()))
        finally:
            child.kill()


def test_no_number_is_given_twice(tmp_path: Path) -> None:
    updates: dict[int, str] = {}
    messages: dict[int, str] = {}
    for turn in range(6):
        with killed_after(tmp_path / "chats.json") as there:
            for number in range(turn):
                text = f"{turn}-{number}"
                assert messages.setdefault(there.say(text), text) == text
                sent = there.bot("sendMessage", chat_id=1001, text=f"re {text}")["message_id"]
                assert messages.setdefault(sent, f"re {text}") == f"re {text}"
            for update in there.bot("getUpdates"):
                text = update["message"]["text"]
                assert updates.setdefault(update["update_id"], text) == text
    assert {f"{turn}-{number}" for turn in range(6) for number in range(turn)} == set(updates.values())


def test_more_than_are_reserved_at_once(tmp_path: Path) -> None:
    world = World(7)
    given = [world.next("update") for _ in range(3 * AHEAD)]
    assert given == list(range(given[0], given[0] + 3 * AHEAD))


async def test_after_a_clean_end_the_numbers_go_on_and_an_older_file_is_taken_up(tmp_path: Path) -> None:
    file = tmp_path / "chats.json"
    world = World(7, file)
    last = [world.next("update") for _ in range(5)][-1]
    world.close()
    again = World(7, file)
    assert again.next("update") == last + 1
    again.close()
    state = json.loads(file.read_text())
    del state["numbers"]
    chats = [{**chat, "last_message_id": 40} for chat in state["chats"]]
    file.write_text(json.dumps({**state, "chats": chats, "last_update_id": 5000, "seq": 70}))
    older = World(7, file)
    assert older.chats.keys() == world.chats.keys()
    assert (older.next("update") > 5000, older.next("message 1001") > 40, older.next("seq") > 70) == (True, True, True)


async def test_a_number_that_cannot_be_written_down_is_not_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "no" / "chats.json"
    world = World(7, file)
    (tmp_path / "no").write_text("a file where the folder should be")
    for _ in range(2):
        with pytest.raises(OSError):
            world.next("update")
    (tmp_path / "no").unlink()
    assert world.next("update") == json.loads(file.read_text())["numbers"]["update"] - AHEAD
