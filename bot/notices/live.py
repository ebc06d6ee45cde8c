"""Messages that follow what they show: which there are, and when each was last rendered again. In memory only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

# What a board is about that somebody pinned, and the key that says so in the data of its notice.
PINNED = "pinned"


@dataclass(slots=True)
class Followed:
    """A live message. `shows` is what it was last rendered with, as something that can be compared.

    `at` and `since` are monotonic seconds: when it was rendered last, and since when it is followed.
    """

    kind: str
    key: str
    chat_id: int
    about: str = ""
    until: datetime | None = None
    shows: object = None
    at: float = float("-inf")
    since: float = float("-inf")


@dataclass(slots=True)
class Live:
    """At most one message of a kind about one thing follows in a chat: the newest."""

    followed: dict[tuple[str, int, str], Followed] = field(default_factory=dict)

    def follow(
        self, kind: str, key: str, chat_id: int, *, about: str = "", until: datetime | None = None
    ) -> Followed | None:
        """Follow this message from now on; returns the one that does not follow any more."""
        place = (kind, chat_id, about)
        before = self.followed.get(place)
        self.followed[place] = Followed(kind, key, chat_id, about, until)
        return before if before is not None and before.key != key else None

    def rendered(self, key: str | None, shows: object, at: float) -> None:
        """Its card was made just now, and this is what it shows."""
        for one in self.followed.values():
            if one.key == key:
                one.since = at if one.shows is None else one.since
                one.shows, one.at = shows, at

    def of(self, kind: str) -> list[Followed]:
        return [one for one in self.followed.values() if one.kind == kind]

    def drop(self, key: str) -> Followed | None:
        """Follow it no more."""
        for place, one in self.followed.items():
            if one.key == key:
                return self.followed.pop(place)
        return None
