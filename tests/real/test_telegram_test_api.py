"""The whole product on a fake Bot API that somebody else wrote (telegram-test-api, npm), and the same on our sandbox.

One scenario, two servers: pair with a code, ask for a draft, tap Send, and three agents take their prompts; a second
draft is cancelled. Gaps of telegram-test-api 4.2.1 that are bridged in front of it, and only there: getMe lacks
`is_bot`, callback queries lack `chat_instance`, getUpdates answers at once (a busy loop otherwise). Not bridged:
setMyCommands fails with a 500, and an edit without buttons leaves the old ones standing.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import pytest

from tests.flow.product import crew
from tests.integration.sandbox_client import Client, running
from tests.patience import PATIENCE_S
from tests.real.installed import REAL, need, why_missing

PACKAGE = REAL / "node" / "node_modules" / "telegram-test-api"
TOKEN = "700000001:" + "x" * 35
USER = 1001
# Once it listens it says so.
START = """
const Server = require(process.argv[1]);
const plain = Server.formatUpdate;
Server.formatUpdate = (update) => {
  const made = plain.call(Server, update);
  if (made.callback_query) made.callback_query.chat_instance = '1';
  return made;
};
const theirs = new Server().webServer;
const me = { id: 700000001, is_bot: true, first_name: 'maf', username: 'maf_bot' };
require('http').createServer((request, response) => {
  if (request.url.endsWith('/getMe')) {
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ ok: true, result: me }));
  } else {
    const pause = request.url.startsWith('/bot') && request.url.endsWith('/getUpdates') ? 100 : 0;
    setTimeout(() => theirs(request, response), pause);
  }
}).listen(Number(process.argv[2]), '127.0.0.1', () => console.log('listening'));
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """One message of the bot: `buttons` are labels and their data."""

    id: int
    text: str
    buttons: dict[str, str]


class Side(Protocol):
    """A person on some server."""

    origin: str
    token: str

    async def command(self, text: str) -> None: ...

    async def tap(self, message: Shown, label: str) -> None: ...

    async def shown(self) -> list[Shown]: ...


class Theirs:
    def __init__(self, origin: str, session: aiohttp.ClientSession) -> None:
        self.origin, self.token, self.session = origin, TOKEN, session
        who = {"id": USER, "first_name": "You", "is_bot": False}
        self.common = {
            "from": who,
            "chat": {"id": USER, "first_name": "You", "type": "private"},
            "date": int(time.time()),
        }

    async def command(self, text: str) -> None:
        entities = [{"type": "bot_command", "offset": 0, "length": len(text.split(maxsplit=1)[0])}]
        await self._post("/sendCommand", {**self.common, "botToken": TOKEN, "text": text, "entities": entities})

    async def tap(self, message: Shown, label: str) -> None:
        under = {**self.common, "message_id": message.id, "text": message.text}
        data = message.buttons[label]
        await self._post("/sendCallback", {**self.common, "botToken": TOKEN, "message": under, "data": data})

    async def shown(self) -> list[Shown]:
        history = (await self._post("/getUpdatesHistory", {"token": TOKEN}))["result"]
        sent = [u for u in history if "chat_id" in u.get("message", {})]
        return [Shown(u["messageId"], u["message"]["text"], _buttons(u["message"].get("reply_markup"))) for u in sent]

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        async with self.session.post(self.origin + path, json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()


class Ours:
    def __init__(self, client: Client) -> None:
        self.client, self.origin, self.token = client, client.sandbox.origin, client.sandbox.token

    async def command(self, text: str) -> None:
        await self.client.say(text)

    async def tap(self, message: Shown, label: str) -> None:
        await self.client.press(message.id, label)

    async def shown(self) -> list[Shown]:
        bots = [m for m in (await self.client.messages())["messages"] if m["from"]["is_bot"]]
        return [
            Shown(m["message_id"], m["text"], {b["label"]: b["data"] for row in m["buttons"] for b in row})
            for m in bots
        ]


def _buttons(markup: Any) -> dict[str, str]:
    return {b["text"]: b.get("callback_data", "") for row in (markup or {}).get("inline_keyboard", []) for b in row}


@asynccontextmanager
async def their_server() -> AsyncIterator[Side]:
    node = need("node")
    if not PACKAGE.is_dir():
        pytest.skip(f"telegram-test-api is not there: {why_missing('telegram-test-api')}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        node, "-e", START, str(PACKAGE), str(port), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert (await asyncio.wait_for(process.stdout.readline(), 20)).strip() == b"listening"
        async with aiohttp.ClientSession() as session:
            yield Theirs(f"http://127.0.0.1:{port}", session)
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def our_server() -> AsyncIterator[Side]:
    async with running() as client:
        yield Ours(client)


async def newest(side: Side, *texts: str, within: float = PATIENCE_S) -> Shown:
    """The newest message that holds all of `texts`, once there is one."""
    shown: list[Shown] = []
    try:
        async with asyncio.timeout(within):
            while True:
                shown = await side.shown()
                for message in reversed(shown):
                    if all(text in message.text for text in texts):
                        return message
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"no message with {texts} among {[m.text for m in shown]}") from None


@pytest.mark.parametrize("server", [their_server, our_server], ids=["telegram-test-api", "sandbox"])
async def test_from_a_pair_code_to_prompts_that_were_taken(server: Any, tmp_path: Path) -> None:
    async with server() as side, crew(tmp_path, server=side.origin, token=side.token) as made:
        await side.command("/agents")  # a stranger's
        code = (await made.app.call("pair.create", {"role": "owner"}))["code"]
        await side.command(f"/pair {code}")
        await newest(side, "You are an owner now.")
        assert len(await side.shown()) == 1  # the stranger was met with silence

        await side.command("/broadcast_targeted")
        draft = await newest(side, "Draft", "3 prompts")
        assert [made.prompts(agent) for agent in made.agents] == [[], [], []]
        await side.tap(draft, "✅ Send 3")
        report = await newest(side, "3 of 3 taken")
        assert report.id == draft.id  # edited in place
        status = await made.status()
        assert {i["status"] for i in status["items"]} <= {"submitted", "started"}
        assert all(i["delivery"]["evidence"]["kind"] for i in status["items"])
        assert [len(made.prompts(agent)) for agent in made.agents] == [1, 1, 1]

        await side.command("/broadcast-targeted")
        second = await newest(side, "Draft")
        assert second.id != draft.id
        await side.tap(second, "✖ Cancel")
        gone = await newest(side, "cancelled")
        assert gone.id == second.id
        assert [len(made.prompts(agent)) for agent in made.agents] == [1, 1, 1]
