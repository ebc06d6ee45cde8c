"""People: roles of user ids, and one-time pair codes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.sql.elements import ColumnElement

from bot.clock import Clock
from bot.errors import NotFound, Refused
from bot.excerpt import without_unseen
from bot.store import Store, Transaction, codes, rows_changed
from bot.store.tables import ChatRow, PairCodeRow, PersonRow
from bot.store.tables.chat import new_tenure
from bot.telegram import chats
from bot.telegram.access import Role
from bot.telegram.text import shorten
from bot.telegram.tries import Tries

MAX_NAME = 40
LARGEST_ID = 2**63 - 1  # that the store can look for; Telegram's have 52 bits


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who writes to us. `tenure`: see PersonRow; None for a stranger."""

    user_id: int
    name: str
    role: Role
    tenure: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Paired:
    """Who got in, as what, where; `was` is the role they had before. `moved`: the supervisors' chat is here now."""

    person: Person
    chat_id: int
    was: Role
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Changed:
    """Somebody who was given another role: who it is, with the role they had, and the supervisors' chat if that is
    another one now."""

    was: Person
    new_chat: int | None = None


class Access:
    """Roles and pairing. Wrong tries are counted in memory: a code lives minutes, a restart gives nothing away."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self._tries = Tries()

    async def role_of(self, user_id: int) -> Role:
        """The role of a user id; NOBODY for a stranger."""
        async with self.store.begin() as tx:
            row = await tx.get(PersonRow, user_id)
            return Role.of(row.role) if row else Role.NOBODY

    async def people(self) -> list[Person]:
        async with self.store.begin() as tx:
            return await self._people(tx)

    async def owner_exists(self) -> bool:
        async with self.store.begin() as tx:
            return await self._owners(tx) > 0

    async def create_code(self, role: Role = Role.OWNER, ttl: timedelta = timedelta(minutes=10)) -> str:
        """A new one-time code, like `ABCDE-FGHJK`. It is shown once: only its hash is kept."""
        letters = "".join(secrets.choice(codes.LETTERS) for _ in range(codes.LENGTH))
        now = self.clock.now()
        async with self.store.begin() as tx:
            tx.add(PairCodeRow(code_hash=codes.hash_of(letters), role=role.word, created_at=now, expires_at=now + ttl))
        return f"{letters[:5]}-{letters[5:]}"

    def may_try(self, user_id: int) -> bool:
        """Whether a code of this account is looked at now. Each has a few tries, and then waits longer after each wrong
        one; what others try does not matter."""
        return self._tries.may(user_id, self.clock.now())

    async def knock(self, code: str, user_id: int) -> bool:
        """Whether a code lets in; the try counts."""
        now = self.clock.now()
        if not self._tries.may(user_id, now):
            return False
        # Counted before it is looked at: of many codes at once no more are looked at than of one after the other.
        self._tries.count(user_id, now)
        async with self.store.begin() as tx:
            return await tx.scalar(select(PairCodeRow.code_hash).where(*_live(code, now))) is not None

    async def redeem(
        self, code: str, *, user_id: int, name: str, chat_id: int, chat_type: str = "private", chat_title: str = ""
    ) -> Paired | None:
        """Bind this user to the code's role, and the chat as the supervisors' if that makes or finds them an owner;
        None for a wrong, used or old code.

        A person keeps the higher of two roles: nobody loses rights (or the bot its last owner) to a code.
        """
        now = self.clock.now()
        async with self.store.begin() as tx:
            row = await tx.get(PairCodeRow, codes.hash_of(code))
            used = update(PairCodeRow).where(*_live(code, now)).values(used_by=user_id, used_at=now)
            if row is None or await rows_changed(tx, used) != 1:
                return None
            before = await chats.supervisor_chat(tx)
            was, person = await self._bind_person(tx, user_id, plain_name(name), Role.of(row.role), now)
            if person.role is Role.OWNER:
                await chats.bind(
                    tx, ChatRow(chat_id=chat_id, type=chat_type, title=chat_title, bound_by=user_id, bound_at=now)
                )
            after = await chats.supervisor_chat(tx)
            if before is not None and before != after:
                await chats.show_anew(tx)
        self._tries.forget(user_id)
        return Paired(person, chat_id, was, moved=after == chat_id != before)

    async def set_role(self, user_id: int, role: Role) -> Changed:
        """Give a paired person another role; NOBODY removes them. With less than they had, all that they had begun has
        ended (see PersonRow.tenure), and codes that nobody used yet let nobody in: who has them is not known.

        Raises NotFound, Refused (it is the last owner).
        """
        now = self.clock.now()
        async with self.store.begin() as tx:
            row = await tx.get(PersonRow, user_id) if abs(user_id) <= LARGEST_ID else None
            if row is None:
                raise NotFound.of("person", str(user_id), [str(p.user_id) for p in await self._people(tx)])
            was = _person(row)
            if was.role is Role.OWNER and role < Role.OWNER and await self._owners(tx) == 1:
                raise Refused(f"{was.name} is the last owner.", hint="Make somebody else owner first: `maf pair`.")
            before = await chats.supervisor_chat(tx)
            if role is Role.NOBODY:
                await tx.delete(row)
            else:
                row.role = role.word
            if role < was.role:
                row.tenure = new_tenure()
                await tx.execute(delete(PairCodeRow))
            await tx.flush()
            if was.role is Role.OWNER and role < Role.OWNER:
                await chats.hand_over(tx, before, user_id, now)
            after = await chats.supervisor_chat(tx)
            if before is not None and before != after:
                await chats.show_anew(tx)
        return Changed(was, after if after != before else None)

    async def supervisor_chat(self, chosen: int | None = None) -> int | None:
        """See bot.telegram.chats.supervisor_chat."""
        async with self.store.begin() as tx:
            return await chats.supervisor_chat(tx, chosen)

    @staticmethod
    async def _people(tx: Transaction) -> list[Person]:
        rows = await tx.scalars(select(PersonRow).order_by(PersonRow.paired_at, PersonRow.user_id))
        return [_person(row) for row in rows]

    @staticmethod
    async def _owners(tx: Transaction) -> int:
        count = await tx.scalar(select(func.count()).select_from(PersonRow).where(PersonRow.role == Role.OWNER.word))
        return count or 0

    @staticmethod
    async def _bind_person(tx: Transaction, user_id: int, name: str, role: Role, now: datetime) -> tuple[Role, Person]:
        row = await tx.get(PersonRow, user_id)
        was = Role.of(row.role) if row is not None else Role.NOBODY
        if row is None:
            row = PersonRow(user_id=user_id, name=name, role=role.word, paired_at=now)
            tx.add(row)
        else:
            row.name, row.role = name or row.name, max(was, role).word
        await tx.flush()
        return was, _person(row)


def plain_name(name: str) -> str:
    """A name that somebody gave themselves, as it may stand in the messages of others: one short line, with nothing in
    it that cannot be seen or turns the text around it."""
    return shorten(" ".join(without_unseen(name).split()), MAX_NAME)


def _person(row: PersonRow) -> Person:
    return Person(row.user_id, row.name, Role.of(row.role), row.tenure)


def _live(code: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """That a row is this code's, and lets in."""
    return PairCodeRow.code_hash == codes.hash_of(code), *codes.is_live(now)
