"""People and chats: roles of user ids, one-time pair codes, the supervisor chat."""

from __future__ import annotations

import hashlib
import secrets
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from bot.clock import Clock
from bot.errors import NotFound, Refused
from bot.excerpt import without_unseen
from bot.store import Store, Transaction, rows_changed, setting
from bot.store.tables import ChatRow, PairCodeRow, PersonRow
from bot.telegram.access import Role
from bot.telegram.text import shorten

CODE_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # nothing that looks like something else; 10 of them are 49 bits
MAX_NAME = 40
LARGEST_ID = 2**63 - 1  # that the store can look for; Telegram's have 52 bits
TRIES, TRIES_OF_ALL, TRIES_WITHIN = 5, 50, timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Person:
    user_id: int
    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Paired:
    """Who got in, as what, where; `was` is the role they had before."""

    person: Person
    chat_id: int
    was: Role


class Access:
    """Roles and pairing. Wrong tries are counted in memory: a code lives minutes, a restart gives nothing away."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self._tries: dict[int, deque[datetime]] = {}

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
        letters = "".join(secrets.choice(CODE_LETTERS) for _ in range(10))
        now = self.clock.now()
        async with self.store.begin() as tx:
            tx.add(PairCodeRow(code_hash=_hash(letters), role=role.word, created_at=now, expires_at=now + ttl))
        return f"{letters[:5]}-{letters[5:]}"

    async def redeem(
        self, code: str, *, user_id: int, name: str, chat_id: int, chat_type: str = "private", chat_title: str = ""
    ) -> Paired | None:
        """Bind this user to the code's role and this chat to the bot; None for a wrong, used, old or over-tried code.

        A person keeps the higher of two roles: nobody loses rights (or the bot its last owner) to a code.
        """
        now = self.clock.now()
        if self.over_tried(user_id):
            return None
        # Counted before it is looked at: of many codes at once no more are looked at than of one after the other.
        self._tries.setdefault(user_id, deque()).append(now)
        code_hash = _hash(code)
        used = (
            update(PairCodeRow)
            .where(PairCodeRow.code_hash == code_hash, PairCodeRow.used_by.is_(None), PairCodeRow.expires_at > now)
            .values(used_by=user_id, used_at=now)
        )
        async with self.store.begin() as tx:
            row = await tx.get(PairCodeRow, code_hash)
            if row is None or await rows_changed(tx, used) != 1:
                return None
            was, person = await self._bind_person(tx, user_id, plain_name(name), Role.of(row.role), now)
            await _bind_chat(
                tx, ChatRow(chat_id=chat_id, type=chat_type, title=chat_title, bound_by=user_id, bound_at=now)
            )
        self._tries.pop(user_id, None)
        return Paired(person, chat_id, was)

    async def set_role(self, user_id: int, role: Role) -> Person:
        """Give a paired person another role; NOBODY removes them. Returns who it is, with the role they had.

        Raises NotFound, Refused (it is the last owner).
        """
        async with self.store.begin() as tx:
            row = await tx.get(PersonRow, user_id) if abs(user_id) <= LARGEST_ID else None
            if row is None:
                raise NotFound.of("person", str(user_id), [str(p.user_id) for p in await self._people(tx)])
            was = Person(row.user_id, row.name, Role.of(row.role))
            if was.role is Role.OWNER and role < Role.OWNER and await self._owners(tx) == 1:
                raise Refused(f"{was.name} is the last owner.", hint="Make somebody else owner first: `maf pair`.")
            if role is Role.NOBODY:
                await tx.delete(row)
            else:
                row.role = role.word
        return was

    async def supervisor_chat(self, chosen: int | None = None) -> int | None:
        """`chosen` (MAF_SUPERVISOR_CHAT) if set, or what that group became; else the chat in which the first owner last
        paired, if any has."""
        async with self.store.begin() as tx:
            if chosen is not None:
                return await setting.get(tx, moved_key(chosen), chosen)
            found = await tx.scalars(
                select(ChatRow.chat_id)
                .join(PersonRow, PersonRow.user_id == ChatRow.bound_by)
                .where(PersonRow.role == Role.OWNER.word)
                .order_by(PersonRow.paired_at, PersonRow.user_id, ChatRow.bound_at.desc())
                .limit(1)
            )
            return found.first()

    def over_tried(self, user_id: int) -> bool:
        """Whether no code of this user is looked at now: too many wrong ones, theirs or everybody's."""
        now = self.clock.now()
        for who, tries in list(self._tries.items()):
            while tries and now - tries[0] > TRIES_WITHIN:
                tries.popleft()
            if not tries:
                del self._tries[who]
        return len(self._tries.get(user_id, ())) >= TRIES or sum(len(t) for t in self._tries.values()) >= TRIES_OF_ALL

    @staticmethod
    async def _people(tx: Transaction) -> list[Person]:
        rows = await tx.scalars(select(PersonRow).order_by(PersonRow.paired_at, PersonRow.user_id))
        return [Person(row.user_id, row.name, Role.of(row.role)) for row in rows]

    @staticmethod
    async def _owners(tx: Transaction) -> int:
        count = await tx.scalar(select(func.count()).select_from(PersonRow).where(PersonRow.role == Role.OWNER.word))
        return count or 0

    @staticmethod
    async def _bind_person(tx: Transaction, user_id: int, name: str, role: Role, now: datetime) -> tuple[Role, Person]:
        row = await tx.get(PersonRow, user_id)
        if row is None:
            tx.add(PersonRow(user_id=user_id, name=name, role=role.word, paired_at=now))
            return Role.NOBODY, Person(user_id, name, role)
        was = Role.of(row.role)
        row.name, row.role = name or row.name, max(was, role).word
        return was, Person(user_id, row.name, max(was, role))


def plain_name(name: str) -> str:
    """A name that somebody gave themselves, as it may stand in the messages of others: one short line, with nothing in
    it that cannot be seen or turns the text around it."""
    return shorten(" ".join(without_unseen(name).split()), MAX_NAME)


def moved_key(chat_id: int) -> str:
    """The setting that holds the id of the supergroup which this group became."""
    return f"moved:{chat_id}"


def _hash(code: str) -> str:
    """One spelling for a code as people type it: case, spaces and hyphens do not count."""
    return hashlib.sha256("".join(c for c in code.upper() if c.isalnum()).encode()).hexdigest()


async def _bind_chat(tx: Transaction, chat: ChatRow) -> None:
    row = await tx.get(ChatRow, chat.chat_id)
    if row is None:
        tx.add(chat)
    else:
        row.title, row.bound_by, row.bound_at = chat.title or row.title, chat.bound_by, chat.bound_at
