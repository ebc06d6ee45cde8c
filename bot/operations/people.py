"""People: let in by a code, looked at, given another role, shut out."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.clock import iso
from bot.errors import WrongUsage
from bot.notices import post
from bot.operations.services import Services
from bot.store.audit import note

if TYPE_CHECKING:
    from bot.telegram.people import Access, Person


async def pair(app: Services, *, role: str = "owner", ttl: float = 600.0) -> dict[str, Any]:
    """A one-time code for `/pair CODE`; `ttl` in seconds. It is shown once, the store keeps its hash only."""
    if not 1 <= ttl <= 86400:
        raise WrongUsage(f"A code cannot live {ttl:.0f} s.", hint="Use a --ttl between 1s and 1d.")
    wanted = _role(role)
    code = await _access(app).create_code(wanted, timedelta(seconds=ttl))
    return {"code": code, "role": wanted.word, "expires_at": iso(app.clock.now() + timedelta(seconds=ttl))}


async def people(app: Services) -> list[dict[str, Any]]:
    """Everybody who is let in, the longest first."""
    return [_as_dict(person) for person in await _access(app).people()]


async def set_role(app: Services, *, id: int, role: str) -> dict[str, Any]:  # noqa: A002
    """Another role for a person, at once. Raises WrongUsage, NotFound, Refused."""
    wanted = _role(role)
    was = await _change(app, id, wanted)
    return {**_as_dict(was), "role": wanted.word, "was": was.role.word}


async def remove(app: Services, *, id: int) -> dict[str, Any]:  # noqa: A002
    """Shut a person out, at once. Raises NotFound, Refused."""
    from bot.telegram.access import Role

    return _as_dict(await _change(app, id, Role.NOBODY))


async def _change(app: Services, user_id: int, role: Any) -> Person:
    """Who it is, with the role they had. Where the supervisors' chat was theirs, the new one is told."""
    changed = await _access(app).set_role(user_id, role)
    note(name=changed.was.name, was=changed.was.role.word)
    if changed.new_chat is not None and app.settings.supervisor_chat is None:
        text = f"What agents need comes here from now on: {changed.was.name} is no owner any more."
        async with app.store.begin() as tx:
            await post(tx, "text", {"text": text})
    return changed.was


def _as_dict(person: Person) -> dict[str, Any]:
    return {"id": person.user_id, "name": person.name, "role": person.role.word}


# Imported at the moment of use: the Telegram side costs seconds, and no other operation needs it.
def _access(app: Services) -> Access:
    from bot.telegram.people import Access

    return Access(app.store, app.clock)


def _role(word: str) -> Any:
    from bot.telegram.access import Role

    try:
        return Role.of(word)
    except ValueError as error:
        raise WrongUsage(str(error)) from error
