"""Text that came from outside, as it may stand within a line of ours. Pure."""

from __future__ import annotations

_CONTROL = (*range(0x09), *range(0x0E, 0x1C), *range(0x7F, 0x85), *range(0x86, 0xA0))  # but white space
# What turns the direction of the text around it (UAX 9): a title must not reorder the line that it stands in.
_TURNS = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_UNSEEN = dict.fromkeys((*_CONTROL, *_TURNS))


def clipped(text: str, width: int) -> str:
    """One line of at most `width` characters, with nothing in it that cannot be seen or turns the text around it.

    >>> clipped("a\\u202eb  c\\nd", 5)
    'ab c…'
    """
    line = " ".join(text.translate(_UNSEEN).split())
    return line if len(line) <= width else line[: max(1, width - 1)].rstrip() + "…"
