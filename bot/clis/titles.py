"""The mark that a CLI puts before the names in its pane title. Pure.

Codex 0.169.0 writes `[MARK] PROJECT`, Codex 0.171.0 `[MARK] CONVERSATION | PROJECT`, where MARK is a spinner, or
`[ ! ] Action Required |`, or nothing. A conversation or a folder may itself be called like a mark. Both names stand
in the footer, too (`MODEL · FOLDER · CONVERSATION`), so what stands there is taken out of the title first.
"""

from __future__ import annotations

_BETWEEN = " | "
_CUT = "..."  # Codex 0.171.0 ends a name so that it cuts, at 48 characters
_TELLING = 2  # characters of a name that the footer must hold, for shorter ones stand in any footer


def title_mark(title: str, footer: str) -> str:
    """The title without the names that the footer shows; "" where nothing is left.

    >>> title_mark("⠹ Fix ⠼ | shop", "gpt · ~/shop · Fix ⠼")
    '⠹'
    >>> title_mark("[ ! ] Action Required | shop", "gpt · ~/shop · [ ! ] Action Required")
    ''
    """
    shown = _squeezed(footer)
    starts = [0, *(i + 1 for i, char in enumerate(title) if char == " ")]
    names = next((i for i in starts if _are_names(title[i:], shown)), len(title))
    return title[:names].strip().removesuffix("|").rstrip()


def _are_names(words: str, shown: str) -> bool:
    """True for one name of the footer, or two of them side by side."""
    if _is_name(words, shown):
        return True
    parts = words.split(_BETWEEN)
    pairs = ((_BETWEEN.join(parts[:n]), _BETWEEN.join(parts[n:])) for n in range(1, len(parts)))
    return any(_is_name(conversation, shown) and _is_name(folder, shown) for conversation, folder in pairs)


def _is_name(words: str, shown: str) -> bool:
    squeezed = _squeezed(words.removesuffix(_CUT))
    return len(squeezed) >= _TELLING and squeezed in shown


def _squeezed(text: str) -> str:
    """The text without white space: a footer wraps."""
    return "".join(text.split())
