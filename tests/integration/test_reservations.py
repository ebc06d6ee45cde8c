"""Reservations of files, from what a CLI wrote down to their release, with a server that is there, down, or refuses.

The real server and the real CLIs: tests/real/test_reservations_real.py.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import insert, select
from sqlalchemy.exc import OperationalError

from bot.agents.model import Agent
from bot.agents.registry import Registry
from bot.agents.state.files import ConversationFiles
from bot.agents.types import load_types
from bot.app import App
from bot.clis.entry import Entry
from bot.fleet.reservations import Reservations, StillReserved
from bot.home import Home
from bot.mail import AgentMail
from bot.store import Store, migrate
from bot.store.audit import Audit
from bot.store.tables import ReservationRow
from tests.integration.agents_fleet import eventually
from tests.integration.app_home import demo, open_app
from tests.integration.full_disk import full
from tests.postgres import postgres_cluster, postgres_url  # noqa: F401
from tests.stores import StandingClock

DEMO = load_types(Home(Path("nowhere")))["demo"]
PROJECT, NAME = "/shop", "BoldBay"


@dataclass
class Desk:
    """Answers release_file_reservations as Agent Mail 0.2.1 does; `status` and `refuses` make it fail."""

    url: str = ""
    status: int = 200
    refuses: str = ""
    other: Any = None  # what it answers instead of how many were released
    held: set[int] = field(default_factory=set)
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        call = (await request.json())["params"]
        assert call["name"] == "release_file_reservations"
        self.asked.append(call["arguments"])
        if self.refuses:
            return web.json_response({"result": {"content": [{"type": "text", "text": self.refuses}], "isError": True}})
        if self.status != 200:
            return web.Response(status=self.status)
        released = self.held & set(call["arguments"]["file_reservation_ids"])
        self.held -= released
        return web.json_response({"result": {"structuredContent": {"released": self.other or len(released)}}})

    def numbers(self) -> list[list[int]]:
        return [sorted(arguments["file_reservation_ids"]) for arguments in self.asked]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    made, app = Desk(), web.Application()
    app.router.add_post("/mcp/", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield made
    finally:
        await runner.cleanup()


@dataclass
class Scene:
    """Agents in a registry; what their CLIs write down is heard as the watch hears it."""

    folder: Path
    store: Store
    clock: StandingClock
    registry: Registry
    files: ConversationFiles
    reservations: Reservations
    audit: Audit

    async def agent(self, agent_id: str) -> Agent:
        return await self.registry.create(DEMO, workdir=self.folder, session_prefix="t", agent_id=agent_id)

    async def reserves(self, agent: Agent, *numbers: int, hours: float = 1, name: str = NAME) -> None:
        self.files.heard(agent.id, [reserving(self.clock.at, *numbers, hours=hours, name=name)])
        await self.reservations.keep()

    async def ends(self, agent: Agent) -> int:
        await self.registry.delete(agent.id)
        return await self.reservations.let_go(agent)

    async def rows(self) -> dict[int, str | None]:
        async with self.store.begin() as tx:
            return {row.number: row.agent for row in await tx.scalars(select(ReservationRow))}

    async def trail(self) -> list[tuple[str, object, str]]:
        return [(row.actor, row.detail, row.outcome) for row in await self.audit.recent()]


def reserving(at: datetime, *numbers: int, hours: float = 1, name: str = NAME) -> Entry:
    """A call of file_reservation_paths with what it was answered, as both CLIs' files are read."""
    until = (at + timedelta(hours=hours)).isoformat()
    answer = {"granted": [{"id": number, "path_pattern": f"{number}.py", "expires_ts": until} for number in numbers]}
    asked = {"project_key": PROJECT, "agent_name": name, "paths": ["*.py"]}
    data = {"name": "mcp__mail__file_reservation_paths", "input": asked, "result": "completed"}
    return Entry("tool", at, json.dumps(answer), "c1", data)


def write(app: App, number: int) -> None:
    """What its CLI would write down, into the conversation of the demo agent d1."""
    (path,) = (app.services.home.root / "demo" / "d1" / "sessions").glob("*.jsonl")
    entry = reserving(datetime.now(UTC), number)
    record = {"type": "tool", "at": entry.at.isoformat(), "text": entry.text, "id": entry.id, "data": entry.data}
    with path.open("a") as file:
        file.write(json.dumps(record) + "\n")


def scene_of(store: Store, folder: Path, mail: AgentMail | None) -> Scene:
    clock, files = StandingClock(), ConversationFiles()
    registry = Registry(store, Home(folder / ".maf"), clock)
    reservations = Reservations(store, files, clock=clock, mail=mail)
    return Scene(folder, store, clock, registry, files, reservations, Audit(store, clock))


@pytest.fixture
def scene(store: Store, tmp_path: Path, desk: Desk) -> Scene:
    return scene_of(store, tmp_path, AgentMail(desk.url))


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_an_agent_that_ends_lets_go_of_what_it_reserved_and_of_nothing_else(
    kind: str, tmp_path: Path, desk: Desk, request: pytest.FixtureRequest
) -> None:
    """On both databases; the two use the same name there, which is no reason to release the other's."""
    url = f"sqlite+aiosqlite:///{tmp_path}/m.db" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    await migrate.upgrade(url)
    store = Store(url)
    try:
        scene = scene_of(store, tmp_path, AgentMail(desk.url))
        one, two = await scene.agent("d1"), await scene.agent("d2")
        await scene.reserves(one, 1, 2)
        await scene.reserves(one, 7, name="RedStone")
        await scene.reserves(two, 3)
        desk.held = {1, 2, 3, 7, 9}
        assert await scene.ends(one) == 3
        assert desk.held == {3, 9}
        assert await scene.rows() == {3: "d2"}
        asked = {"project_key": PROJECT, "agent_name": NAME, "file_reservation_ids": [1, 2]}
        assert asked in desk.asked and len(desk.asked) == 2
    finally:
        await store.close()


async def test_what_a_server_that_was_down_did_not_release_is_released_later(scene: Scene, desk: Desk) -> None:
    one, two = await scene.agent("d1"), await scene.agent("d2")
    await scene.reserves(one, 1, 2)
    await scene.reserves(two, 3)
    desk.held, desk.status = {1, 2, 3}, 503
    with pytest.raises(StillReserved) as said:
        await scene.ends(one)
    assert "answers 503. 2 reservations stand until 2026-05-04 13:00 UTC at the latest." in said.value.message
    again = await scene.agent("d1")  # somebody else by that name
    await scene.reserves(again, 4)
    assert await scene.trail() == []  # a person was asking
    for _ in range(2):
        with pytest.raises(StillReserved):
            await scene.reservations.release_left()
    did = {"name": NAME, "numbers": [1, 2]}
    assert await scene.trail() == [("bot", did, "begun")]  # before it is done, and once
    await scene.audit.interrupted()  # by a restart
    desk.status = 200
    await scene.reservations.release_left()
    assert desk.held == {3}
    assert await scene.trail() == [("bot", {**did, "released": 2}, "done")]
    assert await scene.rows() == {3: "d2", 4: "d1"}
    asked = len(desk.asked)
    await scene.reservations.release_left()
    assert len(desk.asked) == asked, "there is nothing left to release"


async def test_a_bot_that_was_ended_before_the_release_makes_up_for_it(scene: Scene, desk: Desk) -> None:
    one, two = await scene.agent("d1"), await scene.agent("d2")
    await scene.reserves(one, 1)
    await scene.reserves(two, 2)
    desk.held = {1, 2}
    await scene.registry.delete(one.id)
    assert await scene.reservations.left() == {(PROJECT, NAME): 1}
    await scene.reservations.release((PROJECT, NAME))
    assert (desk.held, await scene.rows()) == ({2}, {2: "d2"})


async def test_many_are_released_in_portions(scene: Scene, desk: Desk) -> None:
    one, many = await scene.agent("d1"), range(1, 2501)
    until = scene.clock.at + timedelta(hours=1)
    async with scene.store.begin() as tx:
        rows = [{"project": PROJECT, "number": n, "name": NAME, "agent": "d1", "expires_at": until} for n in many]
        await tx.execute(insert(ReservationRow), rows)
    desk.held = {*many, 5000}
    assert await scene.ends(one) == 2500
    assert (desk.held, await scene.rows()) == ({5000}, {})
    assert max(map(len, desk.numbers())) <= 1000


async def test_what_has_expired_is_nobodys_business(scene: Scene, desk: Desk) -> None:
    one = await scene.agent("d1")
    await scene.reserves(one, 1)
    await scene.reserves(one, 2, hours=3)
    scene.clock.at += timedelta(hours=2)
    assert await scene.ends(one) == 0
    assert desk.numbers() == [[2]]
    await scene.reserves(await scene.agent("d2"), 3, hours=-1)  # an old conversation, read again
    assert await scene.rows() == {}


async def test_a_renewed_reservation_stands_longer_and_an_older_word_does_not_shorten_it(
    scene: Scene, desk: Desk
) -> None:
    one = await scene.agent("d1")
    for hours in (1, 5, 1):
        await scene.reserves(one, 1, hours=hours)
    scene.clock.at += timedelta(hours=4)
    await scene.ends(one)
    assert desk.numbers() == [[1]]


async def test_where_agent_mail_is_off_it_is_said_and_only_while_something_stands(store: Store, tmp_path: Path) -> None:
    scene = scene_of(store, tmp_path, None)
    one, two, three = [await scene.agent(name) for name in ("d1", "d2", "d3")]
    await scene.reserves(one, 1)
    with pytest.raises(
        StillReserved, match=r"is off here \(ENABLE_AGENT_MAIL\). 1 reservation stands until 2026-05-04"
    ):
        await scene.ends(one)
    assert await scene.ends(two) == 0
    await scene.reserves(three, 2)
    scene.clock.at += timedelta(hours=2)
    assert await scene.ends(three) == 0
    await scene.reservations.release_left()
    assert await scene.rows() == {}


async def test_what_the_server_refuses_is_told_and_not_asked_again(scene: Scene, desk: Desk) -> None:
    one = await scene.agent("d1")
    await scene.reserves(one, 1)
    desk.refuses = "Agent 'BoldBay' not found in project '/shop'."
    with pytest.raises(StillReserved, match="refused release_file_reservations: Agent 'BoldBay' not found"):
        await scene.ends(one)
    assert await scene.rows() == {}


@pytest.mark.parametrize("other", [{"paths": 1}, "all", -1, 2**70, True])
async def test_a_server_that_does_not_say_how_many_has_released_none_that_we_tell_of(
    scene: Scene, desk: Desk, other: Any
) -> None:
    one = await scene.agent("d1")
    await scene.reserves(one, 1)
    desk.other = other
    assert await scene.ends(one) == 0
    assert await scene.rows() == {}


async def test_an_adopted_agent_that_is_let_go_keeps_what_it_reserved(scene: Scene, desk: Desk) -> None:
    one = await scene.registry.create(
        DEMO, workdir=scene.folder, session_prefix="t", pane="%1", pane_pid=1, session="mine"
    )
    await scene.reserves(one, 1)
    assert await scene.ends(one) == 0
    assert (desk.asked, await scene.rows()) == ([], {})


async def test_what_the_store_did_not_take_is_written_later(scene: Scene) -> None:
    one = await scene.agent("d1")
    with full(scene.store, "reservations") as refused, pytest.raises(OperationalError):
        await scene.reserves(one, 1)
    assert refused
    await scene.reservations.keep()
    assert await scene.rows() == {1: "d1"}


async def test_from_the_conversation_of_an_agent_to_the_words_of_its_end(
    tmp_path: Path, tmux_socket: str, desk: Desk
) -> None:
    """Heard while it runs, kept over a restart, in no other's hands; and read once more at the end."""
    async with open_app(tmp_path, tmux_socket, enable_agent_mail=True, agent_mail_url=desk.url) as app:
        services = app.services
        await demo(app)
        await services.watch.start()
        write(app, 1)

        async def kept() -> bool:
            await services.reservations.keep()
            async with services.store.begin() as tx:
                return [row.number for row in await tx.scalars(select(ReservationRow))] == [1]

        await eventually(kept)
        await app.call("agent.restart", {"id": "d1"})
        await services.reservations.release_left()
        assert desk.asked == []
        await services.watch.close()
        write(app, 2)  # nobody is looking
        desk.held = {1, 2}
        gone = await app.call("agent.delete", {"id": "d1"})
        assert (gone["reservations"], gone["problems"], desk.held) == (2, [], set())


async def test_cleanup_releases_what_was_left(tmp_path: Path, tmux_socket: str, desk: Desk) -> None:
    async with open_app(tmp_path, tmux_socket, enable_agent_mail=True, agent_mail_url=desk.url) as app:
        await demo(app)
        write(app, 1)
        desk.held, desk.status = {1}, 500
        gone = await app.call("agent.delete", {"id": "d1"})
        assert gone["deleted"] and gone["reservations"] == 0
        (problem,) = gone["problems"]
        assert problem.startswith("its reservations: Agent Mail at 127.0.0.1:") and "answers 500" in problem
        desk.status = 200
        for dry_run, outcome in ((True, "would be removed"), (False, "removed")):
            (one,) = (await app.call("cleanup", {"dry_run": dry_run}))["removed"]
            assert (one["what"], one["id"], one["outcome"]) == ("reservations", f"{NAME} in {PROJECT}", outcome)
        assert desk.held == set()
        assert (await app.call("cleanup", {}))["removed"] == []
