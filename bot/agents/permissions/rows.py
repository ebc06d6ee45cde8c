"""The rows of what agents ask. Every change is written together with the message that shows it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, cast

from sqlalchemy import select

from bot.agents.permissions.question import Choice, Grant, Question, mark_of
from bot.clis.model import DialogKind
from bot.clock import Clock
from bot.errors import NotFound
from bot.notices import post, touch
from bot.store import Store, Transaction, setting
from bot.store.tables import OutboxRow, PermissionRow

AskStatus = Literal["open", "answered", "gone"]
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_TRUSTED = "trusted_folders"


@dataclass(frozen=True, slots=True)
class Ask:
    """One question of one agent. `risk` are words for a person; `card` is the id that its message goes by."""

    id: str
    agent: str
    cli: str
    profile: str | None
    kind: DialogKind
    tool: str
    title: str
    command: str
    workdir: str
    risk: str
    dangerous: bool
    question: str
    fingerprint: str
    choices: tuple[Choice, ...]
    suggestions: tuple[Any, ...]
    source: str
    card: str
    status: AskStatus
    created_at: datetime
    answer: str = ""
    answered_by: str = ""
    via: str = ""
    note: str = ""
    held_until: datetime | None = None
    answered_at: datetime | None = None
    reminded_at: datetime | None = None

    @property
    def asked(self) -> str:
        """What is asked: of a question of the model its words, else the command or change."""
        return (self.title if self.kind == "question" else self.command) or self.command or self.title


def card_key(card: str) -> str:
    """The key of the message that shows these questions."""
    return f"ask:{card}"


def mark(asks: Sequence[Ask]) -> str:
    """What the buttons of a card are bound to."""
    return mark_of((a.id, a.question, [c.label for c in a.choices]) for a in asks)


class AskRows:
    """Reads and writes them."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def add(self, agent: Any, question: Question, *, source: str, sharing: str, **more: Any) -> Ask:
        """A new open question, on the card of an open one that asks the same, else on one of its own."""
        new_id = _new_id()
        async with self._store.begin() as tx:
            # A second question of the same agent is news, and an edited message tells nobody of it.
            its_own = select(PermissionRow.card).where(PermissionRow.agent == agent.id)
            shared = await tx.scalar(
                select(PermissionRow.card)
                .where(PermissionRow.status == "open", PermissionRow.sharing == sharing)
                .where(PermissionRow.card.not_in(its_own))
            )
            row = PermissionRow(
                id=new_id,
                agent=agent.id,
                cli=agent.kind,
                profile=agent.profile,
                kind=question.kind,
                title=_plain(question.title),
                workdir=str(agent.workdir),
                **words_of(question),
                fingerprint=question.fingerprint,
                choices=choices_json(question.choices),
                source=source,
                note=question.note,
                card=shared or new_id,
                sharing=sharing,
                created_at=self._clock.now(),
                **more,
            )
            tx.add(row)
            await tx.flush()
            await post(tx, "permission", {"card": row.card}, key=card_key(row.card))
            return ask_of(row)

    async def change(self, ask_id: str, **values: Any) -> Ask:
        """Change columns of one and its message. Raises NotFound."""
        async with self._store.begin() as tx:
            row = await _changed(tx, ask_id, values)
            return ask_of(row)

    async def rewrite(self, ask_id: str, *, sharing: str, **values: Any) -> Ask:
        """As change, of what it asks for. One that asks not just what the others on its card do, or that stands alone,
        leaves them for a card of its own: who answers for all of them sees the words of one. Raises NotFound."""
        async with self._store.begin() as tx:
            row = await _changed(tx, ask_id, {**values, "sharing": sharing})
            beside = select(PermissionRow).where(PermissionRow.card == row.card, PermissionRow.id != row.id)
            others = list(await tx.scalars(beside.where(PermissionRow.status == "open")))
            if not all(row.sharing == one.sharing for one in others):
                row.card = _new_id()
                await post(tx, "permission", {"card": row.card}, key=card_key(row.card))
            return ask_of(row)

    async def split(self, card: str) -> list[Ask]:
        """Give each open question of a card a message of its own."""
        async with self._store.begin() as tx:
            rows = list(await tx.scalars(select(PermissionRow).where(PermissionRow.card == card)))
            await touch(tx, card_key(card))
            for row in rows:
                if row.status == "open":
                    row.card, row.sharing = ("x" + row.id, "") if row.id == card else (row.id, "")
                    await post(tx, "permission", {"card": row.card}, key=card_key(row.card))
            return [ask_of(row) for row in rows]

    async def redraw(self, card: str) -> None:
        """Have the message rendered again."""
        async with self._store.begin() as tx:
            await touch(tx, card_key(card))

    async def open(self) -> list[Ask]:
        """All that wait for an answer, oldest first."""
        query = select(PermissionRow).where(PermissionRow.status == "open").order_by(PermissionRow.created_at)
        async with self._store.begin() as tx:
            return [ask_of(row) for row in await tx.scalars(query)]

    async def of_card(self, card: str) -> list[Ask]:
        async with self._store.begin() as tx:
            return await asks_of_card(tx, card)

    async def remind(self, asks: Sequence[Ask]) -> list[Ask]:
        """One more message for a card that nobody answered."""
        async with self._store.begin() as tx:
            rows = list(await tx.scalars(select(PermissionRow).where(PermissionRow.id.in_([a.id for a in asks]))))
            for row in rows:
                row.reminded_at = self._clock.now()
            await post(tx, "permission_reminder", {"card": asks[0].card})
            return [ask_of(row) for row in rows]

    async def last_digest(self) -> tuple[frozenset[str], datetime | None]:
        """(the questions that the last digest gathered, when it was written); none was: nothing and None."""
        query = select(OutboxRow).where(OutboxRow.kind == "permission_digest").order_by(OutboxRow.id.desc()).limit(1)
        async with self._store.begin() as tx:
            row = await tx.scalar(query)
            return (frozenset(row.data["asks"]), row.created_at) if row is not None else (frozenset(), None)

    async def gather(self, asks: Sequence[Ask]) -> None:
        """One message, without a sound, about all that nobody answered after its reminder."""
        async with self._store.begin() as tx:
            await post(tx, "permission_digest", {"asks": [ask.id for ask in asks]}, silent=True)

    async def trusted(self) -> list[tuple[str, Path]]:
        """(profile, folder) that an owner said yes to when a CLI asked whether to trust it."""
        async with self._store.begin() as tx:
            entries: list[Any] = await setting.get(tx, _TRUSTED, [])
        return [(str(e["profile"]), Path(e["folder"])) for e in entries if isinstance(e, dict) and "folder" in e]

    async def trust(self, profile: str, folder: Path) -> None:
        """Remember it."""
        entry = {"profile": profile, "folder": str(folder)}
        async with self._store.begin() as tx:
            entries: list[Any] = await setting.get(tx, _TRUSTED, [])
            if entry not in entries:
                await setting.put(tx, _TRUSTED, [*entries, entry])


async def asks_named(tx: Transaction, ids: Sequence[str]) -> list[Ask]:
    """The questions with these ids, oldest first."""
    rows = await tx.scalars(select(PermissionRow).where(PermissionRow.id.in_(ids)).order_by(PermissionRow.created_at))
    return [ask_of(row) for row in rows]


async def asks_of_card(tx: Transaction, card: str) -> list[Ask]:
    """Every question that this card shows or showed, oldest first."""
    rows = await tx.scalars(
        select(PermissionRow).where(PermissionRow.card == card).order_by(PermissionRow.created_at, PermissionRow.id)
    )
    return [ask_of(row) for row in rows]


def words_of(question: Question) -> dict[str, Any]:
    """The columns that say what is asked for, and how risky that is."""
    return {
        "tool": question.tool,
        "command": _plain(question.command),
        "risk": question.risk.line,
        "outside": [_plain(path) for path in question.risk.outside],
        "dangerous": question.risk.dangerous,
        "question": question.question,
    }


def _new_id() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(8))


async def _changed(tx: Transaction, ask_id: str, values: Mapping[str, Any]) -> PermissionRow:
    row = await tx.get(PermissionRow, ask_id)
    if row is None:
        raise NotFound(f"No question named {ask_id}.")
    for name, value in values.items():
        setattr(row, name, value)
    await touch(tx, card_key(row.card))
    return row


def choices_json(choices: Sequence[Choice]) -> list[dict[str, Any]]:
    return [{"label": _plain(c.label), "grant": c.grant, "key": c.key} for c in choices]


def ask_of(row: PermissionRow) -> Ask:
    """The row as a frozen value."""
    return Ask(
        id=row.id,
        agent=row.agent,
        cli=row.cli,
        profile=row.profile,
        kind=cast(DialogKind, row.kind),
        tool=row.tool,
        title=row.title,
        command=row.command,
        workdir=row.workdir,
        risk=row.risk,
        dangerous=row.dangerous,
        question=row.question,
        fingerprint=row.fingerprint,
        choices=tuple(Choice(c["label"], cast(Grant, c["grant"]), c["key"]) for c in row.choices),
        suggestions=tuple(row.suggestions or ()),
        source=row.source,
        card=row.card,
        status=cast(AskStatus, row.status),
        created_at=row.created_at,
        answer=row.answer,
        answered_by=row.answered_by,
        via=row.via,
        note=row.note,
        held_until=row.held_until,
        answered_at=row.answered_at,
        reminded_at=row.reminded_at,
    )


def _plain(text: str) -> str:
    """What a database can hold: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "\ufffd").encode("utf8", "replace").decode("utf8")
