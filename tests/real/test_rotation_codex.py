"""A real Codex agent moved between two accounts: the judge is the model server, which sees whose key asks, and what.

Nothing is mocked but the model itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.app import App
from bot.beads.sample import write_sample
from bot.errors import Refused
from bot.fleet.move import NotIdle, NotMoved
from bot.home import Home
from bot.operations import Services
from bot.quota.reading import Reading
from bot.settings import load_settings
from bot.store.tables import LimitStopRow, OutboxRow, RotationRow
from tests.flow.product import socket_of, until
from tests.patience import PATIENCE_S
from tests.private_tmux import end_server
from tests.real.homes import make_codex_home
from tests.real.installed import need, real_path
from tests.real.mock_models import MockModels
from tests.real.moving import moved, told
from tests.rollouts import write_profiles

pytestmark = pytest.mark.every_version

ONE, TWO = "codex-plus-1", "codex-plus-2"
KEYS = {ONE: "key-1", TWO: "key-2"}


@dataclass
class Scene:
    """One Codex agent, w1, on the first of two accounts."""

    app: App
    home: Home
    models: MockModels

    @property
    def services(self) -> Services:
        return self.app.services

    async def prompt(self, text: str) -> None:
        """Type it, and wait until the model has answered and the agent is idle again."""
        done = await self.app.call("agent.send", {"id": "w1", "text": text, "wait": 30})
        assert done["status"] in {"submitted", "started"}, done
        await until(lambda: self.models.count(text) == 1, "the model was asked")
        await self.idle()

    async def idle(self) -> None:
        async def ready() -> bool:
            return (await self.services.watch.fresh("w1")).state in {"idle", "limited"}

        await until(ready, "w1 is idle")

    async def used(self, percent: float, profile: str = ONE) -> None:
        """The provider says so in its next answer."""
        self.models.set(KEYS[profile], primary=percent)
        await self.prompt(f"count me at {percent} on {profile}")
        await self.services.quota.refresh()

    def hashes(self) -> dict[str, str]:
        files = {name: self.home.profile(name) / "auth.json" for name in KEYS}
        return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}

    async def profile(self) -> str | None:
        return (await self.services.registry.get("w1")).profile

    async def answers_on(self, profile: str, word: str) -> None:
        """It takes a prompt, and that account is the one that is asked, with the whole conversation."""
        await self.prompt(f"still there? {word}")
        request = next(r for r in reversed(self.models.requests) if not r.hidden and word in r.user)
        assert request.key == KEYS[profile]
        assert any("KOLIBRI" in text for text in request.all), f"the earlier messages are not in {request.all}"


@asynccontextmanager
async def scene(tmp_path: Path, **more: Any) -> AsyncIterator[Scene]:
    """`more`: settings, by their names in Settings."""
    need("codex")
    home, work = Home(tmp_path / ".maf"), tmp_path / "proj"
    work.mkdir()
    write_sample(work)
    (home.run).mkdir(parents=True)
    (home.run / "login-env").write_text(f'PATH="{real_path()}"\nHOME="{tmp_path}"\n')
    socket = socket_of(tmp_path)
    with MockModels() as models:
        entries = {}
        for number, (name, key) in enumerate(KEYS.items(), 1):
            make_codex_home(home.profile(name), work, models.url, key=key)
            (home.profile(name) / "auth.json").write_text(json.dumps({"OPENAI_API_KEY": f"dummy-{name}"}))
            entries[name] = {"priority": number, "environment": {"MOCK_KEY": key, "NO_PROXY": "127.0.0.1"}}
        write_profiles(home.agent_config, entries)
        try:
            settings = load_settings(
                home, tmux_socket=socket, project_root=work, quota_cache_ttl=3600, max_load=0, **more
            )
            async with App.open(home, settings, background=True) as app:
                await app.services.watch.start()
                made = await app.call("agent.create", {"type": "codex-worker", "id": "w1"})
                assert made["profile"] == ONE
                here = Scene(app, home, models)
                await here.idle()
                await here.prompt("remember the word KOLIBRI")
                yield here
        finally:
            end_server(socket)


async def test_a_used_up_agent_moves_with_its_conversation_and_bead_and_comes_home_after_the_reset(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as s:
        before = s.hashes()
        claimed = await s.app.call("task.claim", {"agent": "w1"})
        await s.used(60)
        assert await moved(s.services) == []
        s.models.set(KEYS[ONE], preset=20)
        await s.used(100)

        with pytest.raises(Refused, match="A rotation would use codex-plus-2"):
            await s.app.call("task.claim", {"agent": "w1"})
        dry = await s.app.call("task.claim", {"agent": "w1", "dry_run": True})
        assert (dry["profile"], dry["dry_run"]) == (TWO, True)

        (move,) = await moved(s.services)
        assert (move.outcome, move.source, move.target) == ("moved", ONE, TWO)
        assert await s.profile() == TWO
        assert [c.bead for c in await s.services.claims.of("w1")] == [claimed["bead"]]
        await s.answers_on(TWO, "BUSSARD")
        assert s.hashes() == before

        rollouts = {name: sorted((s.home.profile(name) / "sessions").rglob("rollout-*.jsonl")) for name in (ONE, TWO)}
        assert [p.relative_to(s.home.profile(ONE)) for p in rollouts[ONE]] == [
            p.relative_to(s.home.profile(TWO)) for p in rollouts[TWO]
        ]
        statuses = {one.profile.name: one for one in await s.services.quota.refresh()}
        # The copy's old lines are neither counted again nor taken for limits of the second account.
        assert statuses[TWO].usage["5h"].requests == 1
        assert statuses[TWO].windows["5h"].percent == 42.5

        resets = statuses[ONE].windows["5h"].resets_at
        assert resets is not None

        async def over() -> bool:
            return time.time() > resets

        await until(over, "the reset")
        (home,) = await moved(s.services)
        assert (home.outcome, home.target, home.reason) == ("moved", ONE, f"{ONE} has room again")
        s.models.set(KEYS[ONE], primary=1.0, preset=9000)
        await s.answers_on(ONE, "MILAN")
        assert s.hashes() == before
        request = s.models.requests[-1]
        assert any("BUSSARD" in text for r in s.models.requests if not r.hidden and "MILAN" in r.user for text in r.all)
        assert request.key == KEYS[ONE]
        assert await moved(s.services) == []


@pytest.mark.parametrize("step", ["copying", "stopping", "switching", "starting", "verifying"])
async def test_a_failure_at_any_step_leaves_it_answering_on_its_old_account(tmp_path: Path, step: str) -> None:
    async with scene(tmp_path) as s:
        before = s.hashes()
        await s.used(100)

        async def fail(at: str) -> None:
            if at == step:
                raise Refused(f"made to fail at {step}")

        s.services.rotation.checkpoint = fail
        move = await s.services.rotation.rotate("w1", "test", to=TWO)
        assert (move.outcome, move.detail) == ("returned", f"made to fail at {step}")
        assert await s.profile() == ONE
        await s.answers_on(ONE, "SPERBER")
        assert s.hashes() == before
        async with s.services.store.begin() as tx:
            (row,) = list(await tx.scalars(select(RotationRow)))
            notices = [r.data for r in await tx.scalars(select(OutboxRow).where(OutboxRow.kind == "rotation"))]
        assert row.outcome == "returned"
        assert notices == [{"rotation": row.id}]


async def test_an_agent_to_which_somebody_writes_before_it_is_stopped_is_left_alone(tmp_path: Path) -> None:
    """Its conversation may take a while to copy, and a store that is locked longer."""
    async with scene(tmp_path) as s:
        services = s.services
        cli = (await services.watch.look(["w1"]))["w1"].clis[0].pid

        async def write(at: str) -> None:
            if at == "stopping":
                await services.panes.keys(str((await services.registry.get("w1")).pane), "half a thought", literal=True)
                await until(lambda: drafted(s), "the draft on the screen")

        services.rotation.checkpoint = write
        move = await services.rotation.rotate("w1", "test", to=TWO)
        assert (move.outcome, move.detail) == ("returned", "w1 is composing now; only an idle agent is moved.")
        assert (await services.watch.look(["w1"]))["w1"].clis[0].pid == cli
        assert await s.profile() == ONE


async def drafted(s: Scene) -> bool:
    return (await s.services.watch.look(["w1"]))["w1"].view.draft == "half a thought"


async def test_a_start_takes_an_account_with_room_says_why_and_brings_the_conversation(tmp_path: Path) -> None:
    async with scene(tmp_path) as s:
        await s.used(100)
        made = await s.app.call("agent.create", {"type": "codex-worker", "id": "w2"})
        assert made["profile"] == TWO
        assert made["profile_reason"] == f"w2 runs on {TWO}: priority 2; {ONE} 5h window is used up"
        await s.app.call("agent.stop", {"id": "w1"})
        before = s.hashes()
        started = await s.app.call("agent.start", {"id": "w1"})
        assert (started["profile"], started["stats"]["home_profile"]) == (TWO, ONE)
        await s.idle()
        await s.answers_on(TWO, "WANDERFALKE")
        assert s.hashes() == before


async def test_a_claim_that_may_rotate_moves_the_agent_first(tmp_path: Path) -> None:
    async with scene(tmp_path) as s:
        await s.used(100)
        forced = await s.app.call("task.claim", {"agent": "w1", "dry_run": True, "forced": ONE})
        assert forced["profile"] == ONE  # CODEX_PROFILE skips the checks
        claimed = await s.app.call("task.claim", {"agent": "w1", "rotate": True})
        assert (claimed["profile"], claimed["dry_run"]) == (TWO, False)
        assert "moved from codex-plus-1" in claimed["reason"]
        assert [c.bead for c in await s.services.claims.of("w1")] == [claimed["bead"]]
        await s.answers_on(TWO, "ROTMILAN")


async def test_an_agent_that_a_limit_stopped_goes_on_with_its_bead_on_the_next_account(tmp_path: Path) -> None:
    async with scene(tmp_path) as s:
        claimed = await s.app.call("task.claim", {"agent": "w1"})
        s.models.set(KEYS[ONE], primary=100.0)
        await s.app.call("agent.send", {"id": "w1", "text": "LIMIT please", "wait": 30})

        async def stands() -> bool:
            await s.services.resume.tick()
            async with s.services.store.begin() as tx:
                return bool(await tx.scalar(select(LimitStopRow.bead)))

        await until(stands, "it stopped at the limit")
        await s.services.quota.refresh()
        moving = asyncio.create_task(moved(s.services))
        while not moving.done():  # the bot looks at stops while it moves agents
            await s.services.resume.tick()
            await asyncio.sleep(0.1)
        assert [(move.outcome, move.target) for move in await moving] == [("moved", TWO)]

        async def goes_on() -> bool:
            await told(s.services)
            await s.services.resume.tick()
            return any(claimed["bead"] in text for text in s.models.prompts(KEYS[TWO]))

        await until(goes_on, "it goes on")
        await s.idle()
        await s.services.resume.tick()
        assert sum("Go on with it" in text for text in s.models.prompts()) == 1
        async with s.services.store.begin() as tx:
            assert list(await tx.scalars(select(LimitStopRow.outcome))) == ["prompted"]


async def test_codex_profile_holds_a_running_agent_where_it_is(tmp_path: Path) -> None:
    async with scene(tmp_path, codex_profile=ONE) as s:
        await s.used(100)
        assert await moved(s.services) == []
        with pytest.raises(NotMoved, match="CODEX_PROFILE keeps it on codex-plus-1"):
            await s.services.rotation.rotate("w1", "test")
        assert await s.profile() == ONE


async def test_an_account_on_which_it_does_not_start_is_left_again(tmp_path: Path) -> None:
    async with scene(tmp_path) as s:
        await s.used(100)
        (s.home.profile(TWO) / "config.toml").write_text("model = [\n")  # its CLI ends at once
        s.services.rotation.answers_s = 10.0
        move = await s.services.rotation.rotate("w1", "test")
        assert move.outcome == "returned"
        assert "its program is not in front" in move.detail
        await s.answers_on(ONE, "HABICHT")


async def test_an_account_that_does_not_trust_the_folder_waits_for_a_person(tmp_path: Path) -> None:
    async with scene(tmp_path) as s:
        subprocess.run(["git", "init", "-q"], cwd=tmp_path / "proj", check=True, timeout=PATIENCE_S)
        await s.used(100)
        config = s.home.profile(TWO) / "config.toml"
        trusted = f'[projects."{tmp_path / "proj"}"]\ntrust_level = "trusted"\n'
        assert trusted in config.read_text()
        config.write_text(config.read_text().replace(trusted, ""))
        s.services.rotation.answers_s = 5.0
        moving = asyncio.create_task(s.services.rotation.rotate("w1", "test"))

        async def asks() -> bool:
            look = (await s.services.watch.look(["w1"]))["w1"]
            return look.reading is not None and look.reading.dialog is not None and look.reading.dialog.kind == "trust"

        await until(asks, "the question")
        await asyncio.sleep(6)  # longer than an agent has that does not ask: what is waited for is a person
        assert not moving.done()
        await s.services.panes.keys(str((await s.services.registry.get("w1")).pane), "Enter")
        move = await moving
        assert (move.outcome, await s.profile()) == ("moved", TWO)
        await s.answers_on(TWO, "ADLER")

        # Nobody answers: it comes back, and no other account is tried.
        s.models.set(KEYS[TWO], primary=100.0)
        await s.services.quota.record_readings(ONE, [_reading(3.0, time.time())])
        (s.home.profile(ONE) / "config.toml").write_text(
            (s.home.profile(ONE) / "config.toml").read_text().replace(trusted, "")
        )
        s.services.rotation.asked_s = 3.0
        move = await s.services.rotation.rotate("w1", "test", to=ONE)
        assert (move.outcome, move.unanswered, await s.profile()) == ("returned", True, TWO)


async def test_a_bot_that_is_ended_at_any_step_brings_the_agent_back_at_its_next_start(tmp_path: Path) -> None:
    async with scene(tmp_path) as s:
        before = s.hashes()
        await s.used(100)

        class Killed(BaseException):
            """The process ends here: nothing that would clean up runs."""

        async def live(_at: str) -> None:
            return None

        for step in ("copying", "stopping", "switching", "starting", "verifying"):

            async def die(at: str, step: str = step) -> None:
                if at == step:
                    raise Killed

            s.services.rotation.checkpoint = die
            with pytest.raises(Killed):
                await s.services.rotation.rotate("w1", "test")
            s.services.rotation.checkpoint = live
            if step == "verifying":  # there it began another conversation, and the watch has seen it
                await s.services.registry.update("w1", conversation="01a20da7-b25b-7843-ab19-e3698aa94028")
            (move,) = await s.services.rotation.resume()
            assert (step, move.outcome) == (step, "returned")
            assert await s.profile() == ONE
            await s.idle()
        await s.answers_on(ONE, "FALKE")
        assert await s.services.rotation.resume() == []
        assert s.hashes() == before


async def test_what_may_not_be_moved(tmp_path: Path) -> None:
    async with scene(tmp_path) as s:
        await s.used(100)
        # Nearly full.
        await s.services.quota.record_readings(TWO, [_reading(93.0, time.time())])
        with pytest.raises(NotMoved, match="codex-plus-2 is at 93 % of its 5h window"):
            await s.services.rotation.rotate("w1", "test")
        await s.services.quota.record_readings(TWO, [_reading(3.0, time.time())])
        # Working.
        task = asyncio.create_task(s.app.call("agent.send", {"id": "w1", "text": "WAIT8 please", "wait": 5}))

        async def working() -> bool:
            return (await s.services.watch.fresh("w1")).state == "working"

        await until(working, "w1 works")
        with pytest.raises(NotIdle, match="only an idle agent is moved"):
            await s.services.rotation.rotate("w1", "test")
        await task
        assert await s.profile() == ONE


def _reading(percent: float, at: float) -> Reading:
    return Reading("5h", "codex", 300, percent, at + 3600, at, "hand")
