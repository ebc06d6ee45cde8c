"""Whether a person may do something, and the words when not. The table itself is bot.telegram.access.ROLES."""

from __future__ import annotations

from collections.abc import Sequence

from bot.errors import Refused
from bot.telegram.access import ROLES
from bot.telegram.people import Person

# Handlers that only look: no audit row. Everything else is audited.
LOOKS = frozenset(
    {
        "agents",
        "agent",
        "tasks",
        "quota",
        "capture",
        "broadcast-pack",
        "health",
        "audit",
        "help",
        "start",
        "alerts",
        "watch",
    }
)
DOES = {
    "draft.send": "send",
    "draft.auto": "send without asking",
    "broadcast": "broadcast",
    "broadcast-apply": "send",
    "delivery.resend": "send again",
    "pack.use": "change the pack",
    "dialog.once": "answer this",
    "dialog.no": "answer this",
    "dialog.always": "grant this for good",
    "settings.change": "change this",
}
# What somebody else can do in one's place, with a tap on the same message.
APPROVES = frozenset({"draft.send", "draft.auto", "broadcast-apply", "dialog.once", "dialog.no", "dialog.always"})


class NotAllowed(Refused):
    """You may not do this."""

    code = "not_allowed"


def may(person: Person, what: str, people: Sequence[Person]) -> None:
    """Raises NotAllowed, which names the role that is needed and people who have it."""
    needed = ROLES[what]
    if person.role >= needed:
        return
    who = [p.name or str(p.user_id) for p in people if p.role >= needed]
    ask = f" Ask {' or '.join(who[:3])}{' to approve' if what in APPROVES else ''}." if who else ""
    raise NotAllowed(f"Only {needed.a} may {DOES.get(what, 'do this')}.{ask}")
