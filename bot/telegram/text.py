"""Text for Telegram: lengths in UTF-16 units, and splitting what is too long.

Limits: Bot API 10.3, sendMessage (4,096 units after entity parsing), caption 1,024, 100 entities a message.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from aiogram.types import MessageEntity
from aiogram.utils.formatting import Text

from bot.excerpt import readable
from bot.telegram.links import settled

MAX_TEXT, MAX_CAPTION, MAX_ENTITIES = 4096, 1024, 100


def units(text: str) -> int:
    """Length as Telegram counts it: UTF-16 code units, so an emoji outside the basic plane is 2."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def beginning(text: str, limit: int) -> str:
    """As much of it as fits into `limit` units, whole characters.

    >>> beginning("ab🧪c", 3), beginning("ab🧪c", 4)
    ('ab', 'ab🧪')
    """
    shown = text.encode("utf-16-le", "surrogatepass")[: 2 * limit].decode("utf-16-le", "surrogatepass")
    return shown if text.startswith(shown) else shown[:-1]


def legible(text: str, limit: int) -> tuple[str, int]:
    """As much of it as fits into `limit` units once it is readable (see bot.excerpt): that, and how many characters of
    `text` it is.

    >>> legible("ab\\u200bc", 10), legible("ab\\u200bc", 11)
    (('ab⟨U+200B⟩', 3), ('ab⟨U+200B⟩c', 4))
    """
    kept = beginning(text, limit)
    while (size := units(readable(kept))) > limit:
        kept = beginning(kept, min(units(kept) - 1, units(kept) * limit // size))
    return readable(kept), len(kept)


@dataclass(frozen=True, slots=True)
class Piece:
    """A text and its entities, ready for one message."""

    text: str
    entities: list[MessageEntity] = field(default_factory=list)

    def as_kwargs(self, *, caption: bool = False) -> dict[str, Any]:
        """Arguments of sendMessage (or of a method with a caption); parse_mode None, so nothing can fail to parse."""
        names = ("caption", "caption_entities") if caption else ("text", "entities")
        return {names[0]: self.text, names[1]: self.entities or None, "parse_mode": None}


def render(content: Text) -> Piece:
    """The content as one piece, readable (see bot.excerpt), with no link but ours."""
    text, entities = _readable(content).render()
    return Piece(text, settled(text, entities))


def split(content: Text | Piece, limit: int = MAX_TEXT) -> list[Piece]:
    """The content as pieces of at most `limit` units and 100 entities; joined they are the same text.

    It is cut after a line, else after a word, outside entities where that is possible; an entity longer than a message
    goes on in the next one. A character is never cut in two. Pieces of white space alone are left out (Telegram refuses
    them), so nothing at all comes back for a blank text.
    """
    whole = render(content) if isinstance(content, Text) else content
    at = _offsets(whole.text)
    spans = [(e.offset, e.offset + e.length) for e in whole.entities]
    pieces, start = [], 0
    while start < len(whole.text):
        end = _cut(whole.text, at, start, limit, spans)
        piece = _piece(whole, at, start, end)
        if piece.text.strip():
            pieces.append(piece)
        start = end
    return pieces


def shorten(text: str, limit: int) -> str:
    """`text` in at most `limit` characters, with … where something was left out."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)].rstrip() + "…"


def _readable(node: Text) -> Text:
    # aiogram gives no public way to walk a Text; replace() keeps its parameters (a link, a language).
    return node.replace(*[_readable(n) if isinstance(n, Text) else readable(str(n)) for n in node._body])


def _offsets(text: str) -> list[int]:
    """Unit offset of each character, and of the end."""
    offsets, total = [0], 0
    for character in text:
        total += 2 if ord(character) > 0xFFFF else 1
        offsets.append(total)
    return offsets


def _cut(text: str, at: list[int], start: int, limit: int, spans: list[tuple[int, int]]) -> int:
    """Where the piece that begins at `start` ends."""
    hard = start
    while hard < len(text) and at[hard + 1] <= at[start] + limit:
        hard += 1
    hard = max(min(hard, _entity_ceiling(text, at, start, spans)), start + 1)
    if hard >= len(text):
        return len(text)
    kept = [(a, b) for a, b in spans if b - a <= limit]  # what fits into one message stays in one
    ceiling = hard
    while ceiling > start and _inside(at[ceiling], kept):
        ceiling -= 1
    if ceiling == start:
        ceiling, kept = hard, []
    floor = start + (ceiling - start) // 2  # a message under half full is worse than a cut inside a line
    for break_after in ("\n", " \t\n"):
        for end in range(ceiling, floor, -1):
            if text[end - 1] in break_after and not _inside(at[end], kept):
                return end
    back = _whole_character(text, start, ceiling)
    return ceiling if _inside(at[back], kept) else back


def _entity_ceiling(text: str, at: list[int], start: int, spans: list[tuple[int, int]]) -> int:
    """The last end that leaves no more than 100 entities in the piece."""
    touching = sorted(a for a, b in spans if b > at[start])
    if len(touching) <= MAX_ENTITIES:
        return len(text)
    beginning_of_next = touching[MAX_ENTITIES]
    end = start
    while end < len(text) and at[end] < beginning_of_next:
        end += 1
    return end


def _inside(unit: int, spans: Iterable[tuple[int, int]]) -> bool:
    return any(a < unit < b for a, b in spans)


# More characters than these make up no emoji; a text of nothing but joiners is cut anywhere.
_LONGEST_EMOJI = 16


def _whole_character(text: str, start: int, end: int) -> int:
    """Step back to where an emoji made of several characters, or a letter with its marks, begins."""
    back = end
    while back > start + 1 and end - back < _LONGEST_EMOJI and _joined(text, start, back):
        back -= 1
    return end if _joined(text, start, back) else back


def _joined(text: str, start: int, at: int) -> bool:
    """Whether the character at `at` shows as one with those before it (UAX 29, as far as emoji and marks go)."""
    here, before = text[at], text[at - 1]
    if here in "\u200d\ufe0f\u20e3" or before == "\u200d" or unicodedata.combining(here):
        return True
    if 0x1F3FB <= ord(here) <= 0x1F3FF or 0xE0020 <= ord(here) <= 0xE007F:  # the tone of a skin; the letters of a flag
        return True
    flags = at
    while flags > start and _is_flag_half(text[flags - 1]):
        flags -= 1
    return _is_flag_half(here) and (at - flags) % 2 == 1


def _is_flag_half(character: str) -> bool:
    return 0x1F1E6 <= ord(character) <= 0x1F1FF


def _piece(whole: Piece, at: list[int], start: int, end: int) -> Piece:
    first, last = at[start], at[end]
    entities = []
    for entity in whole.entities:
        a, b = max(entity.offset, first), min(entity.offset + entity.length, last)
        if a < b:
            entities.append(entity.model_copy(update={"offset": a - first, "length": b - a}))
    return Piece(whole.text[start:end], entities)
