"""What the composers of the CLIs do to a text, and how to keep it a plain prompt. Pure.

Measured on Codex 0.169.0 and Claude Code 2.1.328: a first `!` runs a shell command without asking, a first `/` is a
command (also after white space or a newline). Claude reads the file of an `@name` that follows white space, leaves on
`exit`, blocks the first Enter when it had to take invisible characters out of a paste, and reads backslash + Enter as
"go on in the next line".
"""

from __future__ import annotations

import re
import unicodedata

from bot.clis.entry import Neutral

PREFIX = "Message: "
MARKS = frozenset("/!#@")
# Zero width joiner and non-joiner and the variation selectors shape emoji and scripts: they belong to the text.
_SHAPING = frozenset("\u200c\u200d")
_LEAVING = frozenset({"exit", "quit", ":q", ":q!", ":wq", ":wq!"})
_PASTED = re.compile(r"<(/?)pasted_content id=\"[^\"\n]{1,64}\">")
_COMMAND = re.compile(r"/[A-Za-z][\w:-]*( [^\n\r]*)?")


def invisible(char: str) -> bool:
    """True for a character that is not seen and does not shape its neighbours (U+200B, U+FEFF, U+202E, tags...)."""
    return char not in _SHAPING and unicodedata.category(char) == "Cf"


def without_invisible(text: str) -> str:
    """The text without its invisible characters."""
    if text.isascii():
        return text
    return "".join(char for char in text if not invisible(char))


def bare_start(text: str) -> str:
    """The text from its first character that shows: white space, control and every kind of invisible skipped."""
    for index, char in enumerate(text):
        if not char.isspace() and unicodedata.category(char) not in {"Cf", "Cc", "Mn", "Zs", "Zl", "Zp"}:
            return text[index:]
    return ""


def neutralise(text: str, *, raw: bool, leaving: bool = False, strip: bool = False) -> Neutral:
    """Make a text inert for a composer: see the module's docstring.

    `leaving`: a lone `exit` means leave there. `strip`: invisible characters stop Enter there, so they go.
    With `raw` the text is returned untouched.
    """
    if raw:
        return Neutral(text)
    notes: list[str] = []
    if strip and (clean := without_invisible(text)) != text:
        count = len(text) - len(clean)
        notes.append(f"{count} invisible character{'s were' if count > 1 else ' was'} taken out")
        text = clean
    start = bare_start(text)
    if start and start[0] in MARKS:
        notes.append(f'"{PREFIX.strip()}" was put in front, or the leading {start[0]} would have been a command')
        # Claude reads `@file` after any white space, so that one loses the space too.
        text = (PREFIX.rstrip() if start[0] == "@" else PREFIX) + start
    elif leaving and start.strip().lower() in _LEAVING:
        notes.append(f'"{PREFIX.strip()}" was put in front, or "{start.strip()}" alone would have closed the agent')
        text = PREFIX + start
    if text.endswith("\\"):
        # A backslash right before Enter continues the line; with a space after it, Enter sends.
        text += " "
    return Neutral(text, tuple(notes))


def slash_command(text: str) -> bool:
    """True for one line that is a slash command (`/compact`, `/model gpt-5`), not for a path like /srv/app.

    >>> slash_command("/compact"), slash_command("/srv/app is broken"), slash_command("/review this\\nand that")
    (True, False, False)
    """
    return _COMMAND.fullmatch(text.strip()) is not None


def normal(text: str) -> str:
    """One form for comparing what was sent with what a CLI recorded.

    Claude Code 2.1.328 wraps pastes in `<pasted_content id="...">`, turns tabs into four spaces and takes invisible
    characters out; Codex 0.169.0 trims outer white space; a composer turns CRLF and CR into LF.
    """
    text = _PASTED.sub("", text) if "<" in text else text
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ")
    return without_invisible(text).strip()


def same_text(sent: str, seen: str) -> bool:
    """True if a CLI's record `seen` is the text `sent`, apart from what the CLIs are known to do to it."""
    return normal(sent) == normal(seen)
