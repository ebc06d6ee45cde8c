"""Making drafts and changing them before they are sent. None of it touches an agent or a bead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta, tzinfo
from typing import Any

from sqlalchemy import select

from bot.agents.delivery.text import normalise
from bot.broadcast import ledger, views
from bot.broadcast.items import holder, planned, same_text
from bot.broadcast.ledger import DraftChanged, NotShown
from bot.broadcast.model import Draft, Item, NewItem
from bot.broadcast.plan import plan
from bot.broadcast.situation import Situation
from bot.broadcast.survey import Survey
from bot.clock import Clock
from bot.errors import NotFound, Refused
from bot.notices import post, touch
from bot.packs import Pack, Packs
from bot.packs.render import PromptContext, render_prompt
from bot.store import Store, Transaction
from bot.store.audit import fingerprint, note
from bot.store.tables import DraftRow
from bot.telegram import tenure

CARD = "draft"
# Actions whose bead may go to another agent; a resume belongs to the agent that holds the bead.
SWAPPABLE = frozenset({"assign", "review", "commit", "assist"})
EDITED = "edited by "  # how the part of a reason begins that says who wrote the prompt


class Drafts:
    """The drafts of one home. The newest pending one is the one that counts; a new one supersedes it."""

    def __init__(
        self, store: Store, clock: Clock, *, survey: Survey, packs: Packs, ttl: timedelta, zone: tzinfo
    ) -> None:
        self._store = store
        self._clock = clock
        self._survey = survey
        self._packs = packs
        self._ttl = ttl
        self._zone = zone

    async def draft(
        self,
        by: str,
        *,
        only: Sequence[str] = (),
        idle_only: bool = False,
        auto: bool = False,
        chat_id: int | None = None,
        text: str | None = None,
    ) -> Draft:
        """Plan a broadcast, write it down and show it. `text`: the same prompt for all instead of a plan.

        Raises Refused when there are no agents, NotFound for an unknown agent in `only`, DependencyMissing without
        Beads, PackError and NotFound for the pack, TextRefused for a text that is empty or too long.
        """
        async with self._store.begin() as tx:
            pack_id = await self._packs.active(tx)
        pack = self._packs.get_active(pack_id)
        situation = await self._survey.take(with_beads=text is None)
        situation.require_agents(only)
        notes = situation.notes
        if text is None:
            items = self._planned(situation, pack, only=only, idle_only=idle_only)
        else:
            same = normalise(text)
            items = same_text(situation, same.text.strip("\n"), only=only, idle_only=idle_only)
            notes += same.notes
        options = {"only": list(only), "idle": idle_only, "auto": auto, "text": text, "notes": list(notes)}
        now = self._clock.now()
        async with self._store.begin() as tx:
            draft_id = await ledger.insert(
                tx,
                items,
                pack=pack.id,
                by=by,
                now=now,
                expires_at=now + self._ttl,
                chat_id=chat_id,
                options=options,
            )
            await self._supersede(tx, draft_id)
            if not auto:
                mine, key = await tenure.of(tx, chat_id), f"draft:{draft_id}"
                await post(tx, CARD, {"draft": draft_id}, chat_id=chat_id, key=key, urgent=True, tenure=mine)
            note(draft=draft_id)
            return await ledger.read(tx, draft_id)

    async def get(self, draft_id: str | None = None) -> Draft:
        """A draft as it is now; the newest one without an id. Raises NotFound."""
        await self.expire()
        async with self._store.begin() as tx:
            return await ledger.read(tx, draft_id)

    async def shown_in(self, draft_id: str | None, chat_id: int) -> Draft:
        """The pending draft (the newest without an id), if this chat was shown all that would be sent of it. Raises
        NotShown, DraftClosed, DraftExpired, NotFound."""
        draft = await self.get(draft_id)
        ledger.refuse_closed(draft, self._clock.now())
        async with self._store.begin() as tx:
            if not await views.complete(tx, chat_id, draft):
                raise NotShown(draft)
        return draft

    async def show_below(self, draft: Draft, chat_id: int | None) -> None:
        """Show it in this chat too, as its newest message."""
        async with self._store.begin() as tx:
            await post(tx, CARD, {"draft": draft.id}, chat_id=chat_id, key=draft.key, urgent=True, below=True)

    async def check(self, draft_id: str, version: int) -> Draft:
        """The draft, if it is still pending and of this version; else the error that says what happened to it."""
        draft = await self.get(draft_id)
        ledger.refuse_closed(draft, self._clock.now())
        ledger.refuse_stale(draft, version)
        return draft

    async def cancel(self, draft_id: str | None, by: str, *, version: int | None = None) -> Draft:
        """Discard a draft. What was sent of it stays sent."""
        draft_id = (await self.get(draft_id)).id
        note(draft=draft_id)
        async with self._store.begin() as tx:
            values = {"status": "cancelled", "options": {"closed_by": by}}
            draft = await ledger.take(tx, draft_id, version, self._clock.now(), changed=f"{by} cancelled it", **values)
            await touch(tx, *draft.keys, urgent=True)
            return draft

    async def reopen(self, draft_id: str, by: str, *, version: int) -> Draft:
        """Take up again what was discarded or replaced; the one that is pending is replaced. Raises DraftClosed (it was
        sent), DraftChanged, DraftExpired, NotFound."""
        note(draft=draft_id)
        now = self._clock.now()
        async with self._store.begin() as tx:
            draft = await ledger.read(tx, draft_id, to_change=True)
            ledger.refuse_stale(draft, version)
            open_ = replace(draft, status="pending") if draft.status in ledger.REOPENED else draft
            ledger.refuse_closed(open_, now)
            await ledger.set_status(tx, draft.id, ledger.REOPENED, status="pending")
            await self._supersede(tx, draft.id)
            draft = await ledger.take(tx, draft.id, None, now, changed=f"{by} took it up again")
            await touch(tx, draft.key, urgent=True)
            return draft

    async def edit_item(self, draft_id: str, agent: str, text: str, by: str, *, version: int | None = None) -> Draft:
        """Replace the prompt of one item; what had to be taken out of the text stands in its reason.

        Raises TextRefused for an empty or too long text, Refused for an item that was sent.
        """
        new = normalise(text)
        note(**fingerprint(new.text.strip("\n")))
        values = {"prompt": new.text.strip("\n"), "reason": "; ".join((f"{EDITED}{by}", *new.notes))}
        changed = f"{by} edited the prompt of {agent}"
        return await self._change_item(
            draft_id, agent, version, {"drafted", "skipped"}, changed=changed, status="drafted", **values
        )

    async def skip_item(self, draft_id: str, agent: str, by: str, *, version: int | None = None) -> Draft:
        """Leave one agent out."""
        item = (await self.get(draft_id)).item(agent)
        values = {"status": "skipped", "reason": _with_author(f"skipped by {by}", item)}
        return await self._change_item(draft_id, agent, version, {"drafted"}, changed=f"{by} skipped {agent}", **values)

    async def take_back_item(self, draft_id: str, agent: str, by: str, *, version: int | None = None) -> Draft:
        """Take a skipped item in again. One that never had a prompt (stands by) has nothing to send."""
        item = (await self.get(draft_id)).item(agent)
        if not item.prompt:
            raise Refused(f"There is nothing to send to {agent}: {item.reason}")
        values = {"status": "drafted", "reason": _with_author(f"taken back in by {by}", item)}
        return await self._change_item(
            draft_id, agent, version, {"skipped"}, changed=f"{by} took {agent} back in", **values
        )

    def others(self, draft: Draft, agent: str) -> list[str]:
        """Agents of this draft that could get what `agent` was to get."""
        item = draft.item(agent)
        if item.action not in SWAPPABLE or item.status != "drafted":
            return []
        return [
            other.agent
            for other in draft.items
            if other.agent != agent
            and other.status in {"drafted", "skipped"}
            and (other.action in SWAPPABLE or not other.prompt)
        ]

    async def swap_item(self, draft_id: str, agent: str, other: str, by: str, *, version: int | None = None) -> Draft:
        """Exchange what two agents get; their prompts are written anew for them.

        Raises Refused when one of them goes on with a bead that it holds, NotFound for an agent not in the draft.
        """
        before = await self.get(draft_id)
        mine, theirs = before.item(agent), before.item(other)
        if other not in self.others(before, agent):
            raise Refused(f"{other} cannot take this over from {agent}: it goes on with work of its own.")
        note(draft=before.id, agent=agent, other=other, beads=[mine.bead, theirs.bead])
        situation = await self._survey.take(with_beads=mine.bead is not None or theirs.bead is not None)
        pack = self._packs.get(before.pack)
        gets = self._handed(mine, other, situation, pack, by)
        gives = self._handed(theirs, agent, situation, pack, by)
        async with self._store.begin() as tx:
            changed = f"{by} exchanged {agent} and {other}"
            draft = await ledger.take(tx, draft_id, version or before.version, self._clock.now(), changed=changed)
            for item, values in ((mine, gives), (theirs, gets)):
                if not await ledger.set_item(tx, item.id, {"drafted", "skipped"}, **values):
                    raise DraftChanged
            await touch(tx, *draft.keys, urgent=True)
            return await ledger.read(tx, draft.id)

    async def expire(self) -> list[str]:
        """Close the drafts whose time is over; their ids."""
        now = self._clock.now()
        async with self._store.begin() as tx:
            late = (
                await tx.scalars(select(DraftRow.id).where(DraftRow.status == "pending", DraftRow.expires_at <= now))
            ).all()
            for draft_id in late:
                await self._close(tx, await ledger.read(tx, draft_id), "expired")
        return list(late)

    def _planned(self, situation: Situation, pack: Pack, *, only: Sequence[str], idle_only: bool) -> list[NewItem]:
        now = self._clock.now()
        plans = plan(situation, pack, only=only, idle_only=idle_only, now=now, zone=self._zone)
        return [planned(p, situation.agent(p.agent), pack) for p in plans]

    def _handed(self, item: Item, to: str, situation: Situation, pack: Pack, by: str) -> dict[str, Any]:
        """The row values of what `item` holds, for another agent."""
        agent = situation.agent(to)
        author = _author(item)
        prompt, reason = item.prompt, f"given by {by}"
        if item.status == "skipped":  # by a person, or for want of anything to do: that goes with it
            reason = item.reason.removesuffix(f"; {author}")
        if item.bead is not None:
            bead = situation.bead(agent, item.bead)
            if bead is None:
                raise NotFound(f"{to} does not work in the project of {item.bead}.")
            partner = "" if item.action == "assign" else holder(bead, situation)
            context = PromptContext(partner=partner, beads_writable=agent.repo not in situation.read_only)
            prompt = render_prompt(pack, agent, bead, item.action, context)
            if author:  # it spoke to the other agent
                reason += f", written anew: the text that was edited for {item.agent} is left out"
        return {
            "action": item.action,
            "bead": item.bead,
            "title": item.title,
            "prompt": prompt,
            "reason": reason,
            "status": item.status,
        }

    async def _change_item(
        self, draft_id: str, agent: str, version: int | None, expect: set[str], *, changed: str, **values: Any
    ) -> Draft:
        await self.expire()
        async with self._store.begin() as tx:
            before = await ledger.read(tx, draft_id)
            item = before.item(agent)
            note(draft=before.id, agent=agent, bead=item.bead)
            draft = await ledger.take(tx, draft_id, version, self._clock.now(), changed=changed)
            if item.status not in expect or not await ledger.set_item(tx, item.id, expect, **values):
                raise Refused(f"{agent} is {item.status} in this draft already.")
            await touch(tx, draft.key, draft.key_of_edit(agent), urgent=True)
            return await ledger.read(tx, draft.id)

    async def _supersede(self, tx: Transaction, newer: str) -> None:
        older = await tx.scalars(select(DraftRow.id).where(DraftRow.status == "pending", DraftRow.id != newer))
        for draft_id in older.all():
            draft = await ledger.read(tx, draft_id)
            await self._close(tx, replace(draft, options={**draft.options, "superseded_by": newer}), "superseded")

    async def _close(self, tx: Transaction, draft: Draft, status: str) -> None:
        await ledger.set_status(tx, draft.id, {"pending"}, status=status, options=draft.options)
        await touch(tx, *draft.keys)


def _author(item: Item) -> str:
    """`edited by Olga` where a person wrote its prompt, whatever was done with it since; else nothing."""
    return next((part for part in item.reason.split("; ") if part.startswith(EDITED)), "")


def _with_author(reason: str, item: Item) -> str:
    author = _author(item)
    return f"{reason}; {author}" if author else reason
