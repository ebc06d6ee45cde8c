"""The whole product for a test: home, tmux server, demo agents, sample beads, sandbox over HTTP, and the bot.

A person is `Client` of tests/integration/sandbox_client.py; nothing is mocked.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.app import App
from bot.beads.sample import write_sample
from bot.checkpoint import Checkpoint, pass_by
from bot.home import Home
from bot.settings import load_settings
from bot.telegram.access import Role
from bot.telegram.people import Access
from handlers.middlewares import ANSWER_WITHIN_S
from tests import in_agent
from tests.integration.sandbox_client import Client, running
from tests.patience import PATIENCE_S
from tests.private_tmux import end_server

LABELS = (("frontend",), ("backend",), ("db", "docs"), (), ())


@dataclass
class Crew:
    """The bot at work on some Bot API server, with its agents."""

    app: App
    home: Home
    project: Path
    agents: list[str]
    bot: asyncio.Task[None]
    doors: Path  # of tests/in_agent.py

    async def told(self, words: str, *taps: dict[str, Any], chat: int | None = None) -> None:
        """Wait until these words were said: in the answer to one of the taps, or in a message where that took longer
        than a person waits for an answer."""
        if not any(words in str(tap["answer"]) for tap in taps):
            await self.message(lambda m: words in m["text"], chat)

    async def status(self, draft: str | None = None) -> dict[str, Any]:
        return dict(await self.app.call("broadcast.status", {"draft": draft}))

    def prompts(self, agent: str) -> list[str]:
        """What the agent itself wrote down as the prompts that it took."""
        return prompts_of(self.home, agent)


@dataclass
class Product(Crew):
    """Everything that a flow test touches."""

    client: Client

    async def person(self, name: str, role: str, chat: int | None = None) -> int:
        """Another user with a role; their user id. With `chat` they are a member there."""
        user = await self.client.post("/sandbox/users", {"name": name})
        if role:
            code = await self.app.call("pair.create", {"role": role})
            await self.client.say(f"/pair {code['code']}", who=user["id"], chat=user["id"])
            await self.client.until(lambda m: any("Welcome" in x["text"] for x in m), chat=user["id"])
        return int(user["id"])

    async def group(self, *members: int, forum: bool = False) -> int:
        """A group chat with these members and the owner, with topics if it is a forum."""
        body = {"type": "group", "title": "crew", "members": [self.client.sandbox.owner, *members], "forum": forum}
        return int((await self.client.post("/sandbox/chats", body))["id"])

    async def draft(self, command: str = "/broadcast_targeted", **who: Any) -> dict[str, Any]:
        """Ask for a draft and wait for its message."""
        before = {m["message_id"] for m in await self.all(who.get("chat"))}
        await self.client.say(command, **who)
        return await self.message(lambda m: m["message_id"] not in before and "Draft" in m["text"], who.get("chat"))

    async def all_handled(self) -> None:
        """Wait until the bot has come to the end of every update."""
        chat, world = self.app.chat, self.client.sandbox.world
        assert chat is not None
        await until(lambda: not world.updates and not chat._turns.tasks, "every update handled")

    async def all(self, chat: int | None = None) -> list[dict[str, Any]]:
        return list((await self.client.messages(chat=chat))["messages"])

    async def message(
        self, wanted: Callable[[dict[str, Any]], bool], chat: int | None = None, within: float = PATIENCE_S
    ) -> dict[str, Any]:
        """The newest message for which `wanted` is true, as soon as there is one."""
        messages = await self.client.until(lambda m: any(wanted(x) for x in m), chat=chat, within=within)
        return next(m for m in reversed(messages) if wanted(m))

    async def becomes(
        self,
        message_id: int,
        wanted: Callable[[dict[str, Any]], bool],
        chat: int | None = None,
        within: float = PATIENCE_S,
    ) -> dict[str, Any]:
        """That message, as soon as it looks as wanted."""
        return await self.message(lambda m: m["message_id"] == message_id and wanted(m), chat, within)


def prompts_of(home: Home, agent: str) -> list[str]:
    """The prompts in a demo agent's own conversation files: the receiving end, not our store."""
    import json

    found = []
    for path in sorted((home.root / "demo" / agent).rglob("*.jsonl")):
        for line in path.read_text(encoding="utf8").splitlines():
            entry = json.loads(line)
            if entry.get("type") == "user":
                found.append(entry["text"])
    return found


def answered(tap: dict[str, Any], words: str) -> bool:
    """Whether a tap was answered with these words; one whose work takes long is answered before, without any."""
    text = tap["answer"]["text"]
    return words in text or (not text and tap["took"] > ANSWER_WITHIN_S)


def button(message: dict[str, Any], label: str) -> str:
    """The full label of the button that begins with or contains `label`."""
    labels = [b["label"] for row in message["buttons"] for b in row]
    for one in labels:
        if label in one:
            return str(one)
    raise AssertionError(f"no button {label!r} among {labels}")


async def pair_owner(app: App, user_id: int) -> None:
    """Olga owns the bot, and her private chat is the supervisors'."""
    access = Access(app.services.store, app.services.clock)
    code = await access.create_code(Role.OWNER)
    assert await access.redeem(code, user_id=user_id, name="Olga", chat_id=user_id) is not None


def socket_of(tmp_path: Path) -> str:
    """A tmux socket by path, short enough for the kernel; in the test's own folder."""
    return str(tmp_path / "t.sock")


async def until(condition: Callable[[], Awaitable[bool] | bool], what: str = "it", within: float = PATIENCE_S) -> None:
    """Wait for a condition, looking often."""
    deadline = time.monotonic() + within
    while True:
        result = condition()
        if result if isinstance(result, bool) else await result:
            return
        assert time.monotonic() < deadline, f"{what} did not come true within {within} s"
        await asyncio.sleep(0.05)


@asynccontextmanager
async def crew(
    tmp_path: Path,
    *,
    server: str,
    token: str,
    agents: int = 3,
    beads: bool = True,
    checkpoint: Checkpoint = pass_by,
    owner: int | None = None,
    agent_env: str = "",
    **more: Any,
) -> AsyncIterator[Crew]:
    """The bot on the Bot API at `server`, with idle demo agents; `owner` is paired already.

    `more`: settings by name; `agent_env`: lines for the environment of the agents.
    """
    home = Home(tmp_path / "home")
    home.root.mkdir()
    project = tmp_path / "shop"
    project.mkdir()
    if beads:
        write_sample(project)
    doors = tmp_path / "in"
    doors.mkdir()
    home.agent_env.write_text(f"DEMO_SECONDS=0.3\n{in_agent.tool(doors)}{agent_env}", "utf8")
    socket = socket_of(tmp_path)
    here = {"bot_token": token, "telegram_api": server, "tmux_socket": socket, "project_root": project}
    here["max_load"] = 0  # how busy the machine of the tests is, is not meant
    settings = load_settings(home, **here, **more)
    try:
        async with App.open(home, settings, background=True, checkpoint=checkpoint) as app:
            if owner is not None:
                await pair_owner(app, owner)
            names = [
                (
                    await app.call(
                        "agent.create",
                        {"type": "demo", "id": f"w{n + 1}", "workdir": str(project), "labels": list(LABELS[n])},
                    )
                )["id"]
                for n in range(agents)
            ]
            task = asyncio.create_task(app.run())
            made = Crew(app, home, project, names, task, doors)
            try:
                await idle(made)
                yield made
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
    finally:
        end_server(socket)


@asynccontextmanager
async def product(tmp_path: Path, **options: Any) -> AsyncIterator[Product]:
    """The product, running, with idle demo agents and the owner paired, on our sandbox; `options` are those of `crew`.

    Its `checkpoint` is called at the named points of applying and delivering.
    """
    async with running() as client:
        sandbox = client.sandbox
        async with crew(tmp_path, server=sandbox.origin, token=sandbox.token, owner=sandbox.owner, **options) as made:
            yield Product(made.app, made.home, made.project, made.agents, made.bot, made.doors, client)


@asynccontextmanager
async def started_anew(p: Product) -> AsyncIterator[Product]:
    """The bot is ended, and begins again on the same home, with nothing that it knew in memory."""
    p.bot.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await p.bot
    async with App.open(p.home, p.app.services.settings, background=True) as app:
        task = asyncio.create_task(app.run())
        made = replace(p, app=app, bot=task)
        try:
            await until(
                lambda: task.done() or (app._resumed.is_set() and len(app.services.watch.views()) == len(p.agents)),
                "the bot",
            )
            yield made
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def idle(made: Crew) -> None:
    """Wait until every agent is idle and the bot does what it is asked."""

    async def ready() -> bool:
        if made.bot.done():
            made.bot.result()
        views = made.app.services.watch.views()
        here = len(views) == len(made.agents) and all(v.state == "idle" for v in views)
        return here and made.app._resumed.is_set()

    try:
        await until(ready, "idle agents")
    except AssertionError:
        states = {v.id: (str(v.state), v.rule) for v in made.app.services.watch.views()}
        raise AssertionError(f"the agents are not idle: {states}") from None
