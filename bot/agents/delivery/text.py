"""What becomes of a text before it is typed: pure, and every change is told to the sender.

LF becomes CR on its way through a paste, so CRLF would double every line; ESC [ 201 ~ inside the text would end the
bracketed paste early and the rest would arrive as keys (tmux 3.3a passes both through untouched).
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from bot.clis.kinds import cli_for
from bot.errors import Refused

MAX_BYTES = 100 * 1024
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
# An escape sequence goes as a whole: what ESC introduced must not stay behind as litter like "[31m".
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI, paste marks among them
    r"|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)"  # OSC
    r"|\x1b[PX^_][^\x1b\n]*\x1b\\"  # DCS, SOS, PM, APC
    r"|\x1b[ -/]*[0-~]"  # the two-character ones
    r"|\x9b[0-?]*[ -/]*[@-~]"  # CSI as one C1 character
)
# C0 but tab and newline, DEL, C1, and lone surrogates, which no UTF-8 can carry.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class TextRefused(Refused):
    """This text cannot be sent."""

    code = "text"


@dataclass(frozen=True, slots=True)
class Normal:
    """A text fit for typing, and what was changed for that."""

    text: str
    notes: tuple[str, ...] = ()


def normalise(text: str) -> Normal:
    """CRLF and CR to LF, escape sequences and control characters out. Raises TextRefused: empty, or over 100 KB."""
    if refused := too_long(len(text.encode("utf8", "surrogatepass"))):
        raise refused
    notes = []
    unix = text.replace("\r\n", "\n").replace("\r", "\n")
    clean, escapes = _ESCAPES.subn("", unix)
    clean, controls = _CONTROLS.subn("", clean)
    if taken := escapes + controls:
        notes.append(f"{taken} control character{'s were' if taken > 1 else ' was'} taken out")
    if not clean.strip():
        raise TextRefused("There is nothing to send: the text is empty.")
    return Normal(clean, tuple(notes))


def too_long(size: int) -> TextRefused | None:
    """Why a text of this many bytes cannot be sent; None where it can."""
    if size <= MAX_BYTES:
        return None
    return TextRefused(
        f"The text has {size / 1024:.0f} KB; at most {MAX_BYTES // 1024} KB can be sent.",
        hint="Put it into a file in the agent's folder, and send its name.",
    )


def new_ref() -> str:
    """An id of a delivery: d and eight characters that are hard to mix up when read aloud."""
    return "d" + "".join(secrets.choice(_ALPHABET) for _ in range(8))


def with_ref(text: str, ref: str) -> str:
    """The text with its ref as the last line; nothing else of it changes.

    >>> with_ref("fix the tests", "dk7q2m3f9")
    'fix the tests\\nref: dk7q2m3f9'
    """
    return f"{text}{'' if text.endswith(chr(10)) else chr(10)}ref: {ref}"


def with_new_ref(text: str, old: str, new: str) -> str:
    """The same text under another ref; a command has none and stays as it is.

    >>> with_new_ref("fix the tests\\nref: dk7q2m3f9", "dk7q2m3f9", "d2mw8xqz4")
    'fix the tests\\nref: d2mw8xqz4'
    """
    bare = text.removesuffix(f"ref: {old}")
    return f"{bare}ref: {new}" if bare != text else text


def prepare(text: str, *, kind: str, agent: str, ref: str, raw: bool) -> tuple[str, tuple[str, ...]]:
    """The text as it is typed, and what was changed for that. Pure. Raises Refused.

    The ref line ends it, but for a command: what follows a slash or an exclamation mark would be part of it.
    """
    cli = cli_for(kind)
    if not cli.takes_prompts:
        raise Refused(f"{agent} is a shell and takes no prompts.", hint=f'Use: maf agent run {agent} "COMMAND"')
    normal = normalise(text)
    neutral = cli.neutralise(normal.text, raw=raw)
    if neutral.refused:
        raise Refused(neutral.refused)
    notes = (*normal.notes, *neutral.notes)
    if raw and neutral.text.lstrip()[:1] in ("/", "!"):
        command = neutral.text.strip()
        if "\n" in command:
            raise Refused("A command is one line.", hint="Send it without --raw to have it taken as text.")
        return command, notes
    return with_ref(neutral.text, ref), notes
