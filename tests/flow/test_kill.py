"""kill -9 of the bot at chosen points and at random moments of an apply with five agents, each followed by a restart.

The judge is the receiving end: the prompts in the agents' own files, counted by their ref lines. MAF_KILL_ROUNDS sets
the number of random moments (50 in `make test-real`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.app import App
from bot.beads.sample import write_sample
from bot.broadcast import ledger
from bot.broadcast.ledger import Draft
from bot.home import Home
from bot.settings import load_settings
from bot.store import Store
from bot.store.tables import DeliveryRow
from bot.telegram.people import Access
from bot.work.claims import Claims
from tests.flow.product import LABELS, button, end_tmux, prompts_of, socket_of, until
from tests.integration.sandbox_client import Client, running

ROUNDS = int(os.environ.get("MAF_KILL_ROUNDS", "1"))
POINTS = {
    "after_taken": 0,
    "after_claimed": 2,
    "after_intended": 1,
    "after_paste": 1,
    "after_typed": 1,
    "after_enter": 1,
    "after_evidence": 1,
}
# Every point costs two starts of the bot: `make test` takes two of them, `make test-real` all.
CHOSEN = list(POINTS) if ROUNDS > 1 else ["after_claimed", "after_typed"]
AGENTS = 5


@dataclass
class Scene:
    """Five idle demo agents, the sandbox, and a bot process that comes and goes."""

    home: Home
    client: Client
    given: dict[str, Any]
    agents: list[str]
    store: Store
    claims: Claims
    process: asyncio.subprocess.Process | None = None

    async def start(self, **point: Any) -> None:
        """Start the bot and wait until it polls."""
        before = len(await self.client.calls("getUpdates"))
        given = json.dumps({**self.given, **point})
        self.process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.flow.killed_bot", given)

        async def polls() -> bool:
            assert self.process is not None
            assert self.process.returncode is None, "the bot did not start"
            return len(await self.client.calls("getUpdates")) > before

        await until(polls, 40, "polling")

    async def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
        await self.died()

    async def died(self, within: float = 30.0) -> None:
        if self.process is not None:
            await asyncio.wait_for(self.process.wait(), within)

    async def draft(self) -> tuple[str, int, str]:
        """Ask for a draft; its id, its message and its Send button."""
        before = {m["message_id"] for m in (await self.client.messages())["messages"]}
        await self.client.say("/broadcast_targeted")
        found = await self.client.until(
            lambda ms: any(m["message_id"] not in before and "Draft" in m["text"] for m in ms), within=30
        )
        message = next(m for m in reversed(found) if m["message_id"] not in before and "Draft" in m["text"])
        return message["text"].split()[2], message["message_id"], button(message, "Send")

    async def read(self, draft: str) -> Draft:
        async with self.store.begin() as tx:
            return await ledger.read(tx, draft)

    async def settled(self, draft: str) -> Draft:
        async def done() -> bool:
            return (await self.read(draft)).status == "done"

        await until(done, 60, f"the end of draft {draft}")
        return await self.read(draft)


@asynccontextmanager
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    home = Home(tmp_path / "home")
    home.root.mkdir()
    project = tmp_path / "shop"
    project.mkdir()
    write_sample(project)
    home.agent_env.write_text("DEMO_SECONDS=0.3\n", "utf8")
    socket = socket_of(tmp_path)
    made: Scene | None = None
    try:
        async with running() as client:
            sandbox = client.sandbox
            given = {
                "home": str(home.root),
                "api": sandbox.origin,
                "token": sandbox.token,
                "socket": socket,
                "project": str(project),
            }
            settings = load_settings(home, tmux_socket=socket, project_root=project)
            async with App.open(home, settings) as app:
                owner = sandbox.owner
                await Access(app.services.store, app.services.clock).adopt_owner(
                    user_id=owner, name="Olga", chat_id=owner
                )
                for n in range(AGENTS):
                    params = {"type": "demo", "id": f"w{n + 1}", "workdir": str(project), "labels": list(LABELS[n])}
                    await app.call("agent.create", params)
                services = app.services
                agents = [a.id for a in await services.registry.all()]
                made = Scene(home, client, given, agents, services.store, services.claims)
                yield made
    finally:
        if made is not None and made.process is not None and made.process.returncode is None:
            made.process.kill()
            await made.process.wait()
        end_tmux(socket)


async def told(s: Scene, draft: str, message: int) -> tuple[Draft, str]:
    """The draft and its report, once the report says what the rows say. Late evidence may still change both."""
    seen: list[tuple[Draft, str]] = []

    async def agree() -> bool:
        now = await s.read(draft)
        messages = (await s.client.messages())["messages"]
        text = next(m["text"] for m in messages if m["message_id"] == message)
        seen[:] = [(now, text)]
        taken = sum(i.status in {"submitted", "started"} for i in now.items)
        unconfirmed = sum(i.status == "unconfirmed" for i in now.items)
        return f" {taken} of {len(now.sent)} taken" in text and text.count("typed, not confirmed") == unconfirmed

    try:
        await until(agree, 25, "a report that says what the rows say")
    except AssertionError as error:
        raise AssertionError(f"{error}: {seen}") from None
    return seen[0]


async def check(s: Scene, draft_id: str, message: int) -> int:
    """What must hold after any crash; how many items the person has to decide about."""
    draft, _ = await told(s, draft_id, message)
    received = Counter(text.rsplit("ref: ", 1)[-1].strip() for agent in s.agents for text in prompts_of(s.home, agent))
    ours = {i.delivery.id: i for i in draft.items if i.delivery is not None}
    twice = {ref: n for ref, n in received.items() if n > 1}
    assert not twice, f"prompts that arrived twice: {twice}"
    shown_taken = {ref for ref, i in ours.items() if i.status in {"submitted", "started"}}
    arrived = {ref for ref in ours if received[ref]}
    unconfirmed = {ref for ref, i in ours.items() if i.status == "unconfirmed"}
    assert shown_taken <= arrived, "shown as taken, and did not arrive"
    assert arrived <= shown_taken | unconfirmed, "arrived, and is shown as refused or lost"
    # An item gets one prompt, whatever ref it went under: those of other rows of this draft count too.
    async with s.store.begin() as tx:
        rows = await tx.scalars(select(DeliveryRow).where(DeliveryRow.notice_key == draft.key))
        per_agent = Counter(row.agent for row in rows if received[row.id])
    assert all(n == 1 for n in per_agent.values()), f"more than one prompt of one draft: {per_agent}"
    held = {(c.agent, c.bead) for c in await s.claims.all_open()}
    for item in draft.items:
        if item.status in {"refused", "failed"} and item.action == "assign":
            assert (item.agent, item.bead) not in held, f"{item.bead} stays claimed for a refused item"
    return len(unconfirmed)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("point", CHOSEN)
async def test_killed_at_a_chosen_point_nothing_is_lost_or_repeated(tmp_path: Path, point: str) -> None:
    async with scene(tmp_path) as s:
        await s.start(point=point, skip=POINTS[point])
        draft, message, send = await s.draft()
        tap = asyncio.create_task(s.client.press(message, send))
        await s.died()
        assert s.process is not None
        assert s.process.returncode == -9
        with contextlib.suppress(AssertionError, TimeoutError):
            await tap
        await s.start()
        done = await s.settled(draft)
        assert await check(s, draft, message) <= 1
        assert len(done.items) == AGENTS
        await s.kill()


@pytest.mark.timeout(150 + 30 * ROUNDS)
async def test_killed_at_random_moments_nothing_is_lost_or_repeated(tmp_path: Path) -> None:
    seed = int(os.environ.get("MAF_KILL_SEED", str(random.randrange(10**6))))
    print(f"MAF_KILL_SEED={seed}")
    chance = random.Random(seed)
    undecided = 0
    async with scene(tmp_path) as s:
        await s.start()
        for round_ in range(ROUNDS):
            draft, message, send = await s.draft()
            tap = asyncio.create_task(s.client.press(message, send))
            moment = chance.uniform(0.0, 1.5)
            await asyncio.sleep(moment)
            await s.kill()
            with contextlib.suppress(AssertionError, TimeoutError):
                await tap
            await s.start()
            if (await s.read(draft)).status == "pending":
                # Killed before the tap was taken: nothing was sent, and the person is told to tap again.
                found = await s.client.messages()
                current = next(m for m in found["messages"] if m["message_id"] == message)
                await s.client.press(message, button(current, "Send"))
            done = await s.settled(draft)
            undecided += await check(s, draft, message)
            print(f"round {round_}: killed after {moment:.2f} s: {Counter(i.status for i in done.items)}")
        await s.kill()
    assert undecided <= max(1, ROUNDS * AGENTS // 10), f"{undecided} prompts were left to the person"
