"""Random updates of strangers, viewers, operators, supervisors and owners, against the whole product.

No update may fail unhandled, do what the sender's role does not allow, or bring a stranger a word; memory stays flat.
What a role allows is looked at twice: in the audit trail, by the table of roles; and in the world, where a group of
people may have changed only what their highest role may.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from aiogram.exceptions import ClientDecodeError
from sqlalchemy import func, select

from bot.store.patience import patient
from bot.store.tables import AuditRow, DeliveryRow, DraftRow, OutboxRow, PermissionRow
from bot.telegram import pace
from bot.telegram.access import ROLES, Role
from bot.telegram.inbox import readable
from tests.flow.product import Product, product, until
from tests.soak.random_updates import RandomUpdates, Seen

UPDATES = 10_000
AT_ONCE = 20
ROUND = 200
# Of each hundred updates, by whom: up to this role. With the first ten all is used once that takes memory for good;
# the last ten come when all but the owner have become viewers.
SHARES = (
    (Role.OWNER, 10),
    (Role.VIEWER, 30),
    (Role.OPERATOR, 25),
    (Role.SUPERVISOR, 15),
    (Role.OWNER, 10),
)
# How many objects (that the garbage collector follows) each update may leave for good. Bytes of the process say less:
# pictures, fonts and SQLite leave holes in the heap of the C library.
LEAK = 5.0
PASSED_OVER = ("cannot be read and is passed over", "is passed over")


class Errors(logging.Handler):
    """What was logged as an error, but for updates that cannot be read."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage()
        if not any(words in said for words in PASSED_OVER):
            self.found.append(self.format(record))


@dataclass
class Cast:
    """Who takes part. `roles` are those that everybody has while nobody's role is changed."""

    group: int
    roles: dict[int, Role]
    names: dict[int, str]
    strangers: list[int] = field(default_factory=list)

    def up_to(self, role: Role) -> list[int]:
        return [*self.strangers, *(user for user, its in self.roles.items() if its <= role)]


async def cast_of(p: Product) -> Cast:
    """One of each role, two strangers, and one who was shut out; all of them in one group."""
    names = {"Vera": Role.VIEWER, "Otto": Role.OPERATOR, "Sue": Role.SUPERVISOR}
    roles = {await p.person(name, role.word): role for name, role in names.items()}
    roles[p.client.sandbox.owner] = Role.OWNER
    gone = await p.person("Gone", "supervisor")
    await p.app.call("people.remove", {"id": gone})
    strangers = [await p.person("Sam", ""), await p.person("Mallory", ""), gone]
    called = {one["id"]: one["name"] for one in await p.app.call("people.list", {})}
    return Cast(await p.group(*roles, *strangers), roles, called, strangers)


async def world_of(p: Product, role: Role) -> dict[str, Any]:
    """What nobody up to this role may change."""
    app = p.app.services
    people = await p.app.call("people.list", {})
    seen: dict[str, Any] = {"people": [(one["id"], one["role"]) for one in people]}
    if role <= Role.OPERATOR:
        agents = await app.registry.all()
        seen["agents"] = sorted((one.id, one.desired, one.profile or "") for one in agents)
        seen["pack"] = [one["id"] for one in await p.app.call("pack.list", {}) if one["active"]]
        seen["claims"] = sorted((one.repo, one.bead, one.agent) for one in await app.claims.all_open())
        async with app.store.begin() as tx:
            applied = select(DraftRow.id).where(DraftRow.applied_at.is_not(None)).order_by(DraftRow.id)
            seen["applied"] = list(await tx.scalars(applied))
    if role <= Role.VIEWER:
        async with app.store.begin() as tx:
            seen["drafts"] = [(r.id, r.version) for r in await tx.scalars(select(DraftRow).order_by(DraftRow.id))]
            seen["prompts"] = await tx.scalar(select(func.count(DeliveryRow.id)))
            seen["answers"] = await tx.scalar(select(func.count()).where(PermissionRow.answered_by != ""))
    return seen


class Soak:
    """One run over one product."""

    def __init__(self, p: Product, cast: Cast, rng: random.Random) -> None:
        self.p = p
        self.cast = cast
        self.rng = rng
        self.seen = Seen()
        self.updates = RandomUpdates(rng, p.client.sandbox.world.bot, int(time.time()) + 10**6, self.seen)
        self.audited = self.told = 0  # the last rows of the trail and of the outbox that were looked at
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.sizes: list[tuple[int, int, int]] = []  # (updates so far, objects held, bytes of the process)

    async def run(self, count: int) -> None:
        done = 0
        self.p.client.sandbox.world.calls.clear()
        async with self.p.app.services.store.begin() as tx:
            self.audited = await tx.scalar(select(func.max(AuditRow.id))) or 0
            self.told = await tx.scalar(select(func.max(OutboxRow.id))) or 0
        for role, share in SHARES:
            people, before = self.cast.up_to(role), await world_of(self.p, role)
            until_then = done + count * share // 100
            while done < until_then:
                size = min(ROUND, until_then - done)
                await self._send(people, size)
                await self._look(role)
                done += size
                self.sizes.append((done, *self._trimmed()))
            after = await world_of(self.p, role)
            assert after == before, f"changed by somebody who is at most {role.a}: {before} -> {after}"
        await self._lower()
        before = await world_of(self.p, Role.VIEWER)
        await self._send(self.cast.up_to(Role.VIEWER), count // 10)
        await self._look(Role.VIEWER)
        assert await world_of(self.p, Role.VIEWER) == before, "changed by somebody who was more than a viewer before"

    async def _lower(self) -> None:
        """Who could do more becomes a viewer; what they had begun still stands in the chats."""
        for user, role in self.cast.roles.items():
            if Role.VIEWER < role < Role.OWNER:
                await self.p.app.call("people.role", {"id": user, "role": "viewer"})
                self.cast.roles[user] = Role.VIEWER

    async def _send(self, people: Sequence[int], count: int) -> None:
        chat = self.p.app.chat
        assert chat is not None
        for begun in range(0, count, AT_ONCE):
            batch = []
            for _ in range(min(AT_ONCE, count - begun)):
                user = people[-1] if self.rng.random() < 0.5 else self.rng.choice(people)  # the last may do most
                batch.append(self.updates.next(user, [user, self.cast.group]))
            # As a batch comes that does not decode as a whole: each is read by itself.
            broken = ClientDecodeError("a batch", ValueError(), {"ok": True, "result": batch})
            with patient():  # as the bot takes them
                assert await chat._taken(readable(broken))
            await until(lambda: len(chat._turns.tasks) < AT_ONCE, "the updates handled", within=120)
            self._harvest()

    async def _look(self, role: Role) -> None:
        """The trail by the table of roles; what strangers were told; what there is to press now."""
        chat = self.p.app.chat
        assert chat is not None
        await until(lambda: not chat._turns.tasks, "every update handled", within=120)
        names = {name: self.cast.roles[user] for user, name in self.cast.names.items()}
        async with self.p.app.services.store.begin() as tx:
            rows = list(await tx.scalars(select(AuditRow).where(AuditRow.id > self.audited).order_by(AuditRow.id)))
            to_strangers = (OutboxRow.chat_id.in_(self.cast.strangers), OutboxRow.id > self.told)
            words = [row.data for row in await tx.scalars(select(OutboxRow).where(*to_strangers))]
        for row in rows:
            self.audited = row.id
            who = names.get(row.actor.split(" (")[0], Role.NOBODY)
            self.outcomes[row.action, row.outcome.partition(":")[0]] += 1
            if row.outcome == "done" and row.place.startswith("chat:"):
                assert ROLES.get(row.action, Role.OPERATOR) <= who <= role, (
                    f"{row.actor} ({who.word}) did {row.action}: {row.target}"
                )
        assert not words, words
        for call in await self.p.client.calls():
            to = str(call["parameters"].get("chat_id", ""))
            assert to not in map(str, self.cast.strangers), f"a word to a stranger: {call}"

    def _harvest(self) -> None:
        found = []
        for chat, entries in self.p.client.sandbox.world.entries.items():
            for number, entry in list(entries.items())[-40:]:
                if entry.message["from"]["is_bot"]:
                    markup = entry.message.get("reply_markup") or {}
                    found.append(
                        (
                            chat,
                            number,
                            [b.get("callback_data", "x") for row in markup.get("inline_keyboard", []) for b in row],
                        )
                    )
        self.seen.messages = found

    def _trimmed(self) -> tuple[int, int]:
        """The sandbox is in this process, and keeps all that was said: it forgets. Then the bytes of the process,
        without those that the C library keeps for later: pictures are drawn in threads, each with its own arena."""
        world = self.p.client.sandbox.world
        for entries in world.entries.values():
            for number in list(entries)[:-60]:
                del entries[number]
        for chat in world.chats.values():
            chat.pinned.clear()
        world.calls.clear()
        world.files.clear()
        gc.collect()
        if sys.platform == "linux":
            with contextlib.suppress(AttributeError):  # not in every C library
                ctypes.CDLL(None).malloc_trim(0)
        return len(gc.get_objects()), int(psutil.Process().memory_info().rss)

    def growth(self) -> tuple[float, float]:
        """(objects, bytes of the process) that stayed for each update, from the first third on, when most has been used
        once."""
        later = [one for one in self.sizes if one[0] >= self.sizes[-1][0] / 3]
        (begun, *first), (ended, *last) = later[0], later[-1]
        objects, size = ((b - a) / max(1, ended - begun) for a, b in zip(first, last, strict=True))
        return objects, size


@contextmanager
def unpaced() -> Iterator[None]:
    """Telegram's pace would make minutes of each round; nothing else about it changes."""
    names = ("PER_SECOND", "BURST", "GROUP_MESSAGES", "EDIT_SPACING")
    before = {name: getattr(pace, name) for name in names}
    try:
        for name, value in zip(names, (1e6, 10**6, 10**6, 0.05), strict=True):
            setattr(pace, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(pace, name, value)


async def soak(folder: Path, count: int, seed: int) -> Soak:
    """Send so many updates; raises AssertionError where something was broken."""
    errors = Errors()
    logging.getLogger().addHandler(errors)
    try:
        with unpaced():
            async with product(folder, agents=2, max_agents=3) as p:
                run = Soak(p, await cast_of(p), random.Random(seed))
                await run.run(count)
                assert not errors.found, "\n".join(errors.found[:5])
    finally:
        logging.getLogger().removeHandler(errors)
    return run


def main(words: list[str]) -> int:
    seed = int(words[0]) if words else 1
    count = int(words[1]) if len(words) > 1 else UPDATES
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="maf-soak-") as folder:
        run = asyncio.run(soak(Path(folder), count, seed))
    took = time.monotonic() - began
    done = sum(n for (_, outcome), n in run.outcomes.items() if outcome == "done")
    refused = sum(run.outcomes.values()) - done
    kinds = len({action for action, outcome in run.outcomes if outcome == "done"})
    print(f"{count} updates in {took:.0f} s: {done} acts of {kinds} kinds, {refused} refused")
    objects, size = run.growth()
    print(f"{objects:.1f} objects and {size:.0f} bytes stayed for each")
    print(run.sizes)
    assert objects < LEAK, f"memory grows: {run.sizes}"
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
