"""Text that came from outside, as it may be shown: nothing in it is unseen, nothing turns the text around it. Pure.

One table for every place that shows such text: the chat, the terminal, the side panes. Characters as of Unicode 16.
"""

from __future__ import annotations

import re

_BREAKS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff"
# Of no width, blank though no space, or turning the direction of what stands around them (UAX 9). Most tags and
# selectors can carry words that only a machine reads.
_UNSEEN = (
    r"\u00ad\u034f\u061c\u070f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    r"\u2800\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Joiners belong to scripts and pictures, the selectors of text and picture to what can be both: each after one such.
_JOINER = r"(?<![\x80-\u200a\u2010-\U0010ffff])[\u200c\u200d]"
_SELECTOR = r"(?<![0-9#*\x80-\u200a\u2010-\ufdff\ufe10-\U0010ffff])[\ufe0e\ufe0f]"
_HIDDEN = rf"[{_BREAKS}{_UNSEEN}]|{_JOINER}|{_SELECTOR}"
_ODD_SPACE = r"[\r\u00a0\u1680\u2000-\u200a\u200c\u202f\u205f\u3000]"
# The flags of England, Scotland and Wales are all that is written with tags (RGI_Emoji_Tag_Sequence).
_FLAG = (
    r"\U0001f3f4\U000e0067\U000e0062(?:\U000e0065\U000e006e\U000e0067|\U000e0073\U000e0063\U000e0074"
    r"|\U000e0077\U000e006c\U000e0073)\U000e007f"
)
_IN_PROSE = re.compile(rf"{_FLAG}|({_HIDDEN}|\r(?!\n))\1*")
_IN_COMMAND = re.compile(rf"({_HIDDEN}|{_ODD_SPACE})\1*")


def readable(text: str) -> str:
    """Prose with a name in place of each character that would not be seen as what it is; line ends and tabs stay.

    >>> readable("ls\\u202egnp"), readable("a\\u200b\\u200b\\u200bb")
    ('ls⟨U+202E⟩gnp', 'a⟨U+200B ×3⟩b')
    """
    return text if text.isprintable() and text.isascii() else _IN_PROSE.sub(_named, text)


def visible(text: str) -> str:
    """A command, in which every character counts: spaces that no shell takes for one, and carriage returns, too.

    >>> visible("rm\\u00a0-rf x")
    'rm⟨U+00A0⟩-rf x'
    """
    return _IN_COMMAND.sub(_named, text)


def clipped(text: str, width: int) -> str:
    """One line of at most `width` characters, readable.

    >>> clipped("a\\u202eb  c\\nd", 13)
    'a⟨U+202E⟩b c…'
    """
    line = readable(" ".join(text.split()))
    return line if len(line) <= width else line[: max(0, width - 1)].rstrip() + "…"


def without_unseen(text: str) -> str:
    """The text with nothing in place of what `readable` names: for a name that stands in many messages."""
    return _IN_PROSE.sub(lambda found: "" if found[1] else found[0], text)


def _named(found: re.Match[str]) -> str:
    if not found[1]:
        return found[0]
    count = len(found[0]) // len(found[1])
    return f"⟨U+{ord(found[1]):04X}{f' ×{count}' if count > 1 else ''}⟩"
