"""Is what stands in a composer the text we pasted, all of it and nothing else? Pure.

The screen wraps lines, shows only the end of a long text, or a placeholder for it, and draws some characters otherwise
than they were sent. So only what every terminal shows alike is compared, and of a part only the end, where our ref is.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from bot.clis.model import Composer

Standing = Literal["ours", "foreign", "empty", "absent"]

# Codex 0.169.0 from 1001 characters on; Claude Code 2.1.328 from 4 lines or 801 characters on, the demo agent
# from 10 lines.
_CONTENT = re.compile(r"\[Pasted Content (\d+) chars\](?: #\d+)?")
_LINES = re.compile(r"\[Pasted text #\d+(?: \+(\d+) lines)?\]")
_LEAST = 16  # characters that an end of our text must show to be recognised


def standing(composer: Composer, sent: str) -> Standing:
    """What stands in the composer, seen from a text that we pasted there."""
    if composer.kind == "absent":
        return "absent"
    shown = _shown(composer)
    if composer.kind == "empty" or not shown:
        return "empty"
    return "ours" if _is_placeholder(shown, sent) or _is_end(shown, sent) else "foreign"


def has_left(composer: Composer, sent: str) -> bool:
    """Is the text that we pasted gone from the composer? Not where it stands there among other words: somebody typed
    on, or the CLI completed a command."""
    return standing(composer, sent) != "ours" and fold(sent) not in fold(_shown(composer))


def _shown(composer: Composer) -> str:
    """Its text; of a shell command with the mark, which has become the prompt of the composer."""
    shown = composer.text.strip()
    return f"!{shown}" if composer.kind == "shell" and shown and not shown.startswith("!") else shown


def _is_placeholder(shown: str, sent: str) -> bool:
    flat = " ".join(shown.split())
    if content := _CONTENT.fullmatch(flat):
        return int(content[1]) in {len(sent), len(sent.strip()), len(sent.encode("utf8", "replace"))}
    if lines := _LINES.fullmatch(flat):
        return int(lines[1] or 0) in {sent.count("\n"), sent.strip().count("\n")}
    return False


def _is_end(shown: str, sent: str) -> bool:
    part, whole = fold(shown), fold(sent)
    if not part:
        return False
    return part == whole or (len(part) >= _LEAST and whole.endswith(part))


def fold(text: str) -> str:
    """Only what a terminal shows unchanged: letters, digits, punctuation; no spaces, marks, emoji, invisibles.

    >>> fold("  Fix\\tthe 🧪  tests… ")
    'Fixthetests…'
    """
    return "".join(char for char in text if _plain(char))


def _plain(char: str) -> bool:
    if char.isascii():
        return char.isprintable() and char != " "
    category = unicodedata.category(char)
    return category[0] in "LNP" or category in {"Sm", "Sc"}
