"""Cutting one captured screen into the parts the rules speak of: composer, current turn, what was said last."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.clis.model import Composer
from bot.clis.rules import Layout
from bot.clis.sgr import PLAIN, Style, plain, runs, style_before

# A horizontal line, possibly with a name in its right half; a composer that shows but a part of its text says so there.
_RULE = re.compile("[─▔]{8}|─── (?P<cut>[↑↓]) \\d+ more ─")
_SCROLLED = re.compile(" {2,}[↑↓]$")  # the mark at the right edge of a composer that shows only a part of its text
_SAYS_LIMIT = 300  # characters of the last thing said that are kept

ABSENT = Composer("absent")
EMPTY = Composer("empty")


class Sheet:
    """The lines of one screen, with their looks on demand (most lines are never asked for theirs)."""

    __slots__ = ("_ansi", "_raw", "end", "lines", "styled")

    def __init__(self, ansi: str) -> None:
        self._ansi = ansi
        self._raw: list[str] | None = None
        self.styled = "\x1b[" in ansi
        # Not a bare rstrip(): that would take the no-break space which makes Claude's composer known.
        self.lines = [line.rstrip(" \t\r") for line in plain(ansi).split("\n")]
        self.end = next((i + 1 for i in range(len(self.lines) - 1, -1, -1) if self.lines[i]), 0)

    def looks(self, index: int) -> Iterator[tuple[str, Style]]:
        """The pieces of one line with their styles."""
        if not self.styled:
            return iter([(self.lines[index], PLAIN)])
        if self._raw is None:
            self._raw = self._ansi.split("\n")
        offset = sum(map(len, self._raw[:index])) + index
        return runs(self._raw[index], style_before(self._ansi, offset))

    def lead(self, index: int) -> Style:
        """The style of the first visible piece of a line."""
        return next((style for _, style in self.looks(index)), PLAIN)

    def is_rule(self, index: int) -> bool:
        return _RULE.match(self.lines[index]) is not None

    def is_cut(self, index: int) -> bool:
        """Does this rule say that a part of the text under it has scrolled off?"""
        rule = _RULE.match(self.lines[index])
        return rule is not None and rule["cut"] is not None


@dataclass(frozen=True, slots=True)
class Box:
    """The composer and where it stands: lines `top` to `bottom` (exclusive), its footer from there to the end."""

    composer: Composer
    top: int
    bottom: int


def find_composer(sheet: Sheet, layout: Layout) -> Box:
    """The input box at the bottom of the screen; kind "absent" where there is none."""
    return _ruled(sheet, layout) if layout.box == "ruled" else _open(sheet, layout)


def _starts(line: str, glyphs: tuple[str, ...]) -> str | None:
    """The glyph the line starts with; a line that is nothing but the glyph has lost the glyph's trailing space."""
    for glyph in glyphs:
        if line[:1] == glyph[0] and (line.startswith(glyph) or line == glyph.rstrip(" ")):
            return glyph
    return None


def _ruled(sheet: Sheet, layout: Layout) -> Box:
    nothing = Box(ABSENT, sheet.end, sheet.end)
    under = next((i for i in range(sheet.end - 1, -1, -1) if sheet.is_rule(i)), None)
    if under is None:
        return nothing
    over = next((i for i in range(under - 1, -1, -1) if sheet.is_rule(i)), None)
    if over is None or over + 1 == under:
        return nothing
    first = sheet.lines[over + 1]
    if sheet.is_cut(over):
        return Box(_composer(sheet, layout, over + 1, under, "  "), over, under + 1)
    if glyph := _starts(first, layout.glyphs):
        return Box(_composer(sheet, layout, over + 1, under, glyph), over, under + 1)
    if glyph := _starts(first, layout.shell):
        typed = _composer(sheet, layout, over + 1, under, glyph)
        return Box(Composer("shell", typed.text), over, under + 1)
    return nothing


def _open(sheet: Sheet, layout: Layout) -> Box:
    nothing = Box(ABSENT, sheet.end, sheet.end)
    for top in range(sheet.end - 1, -1, -1):
        line = sheet.lines[top]
        if glyph := _starts(line, layout.glyphs):
            lead = sheet.lead(top)
            if lead.reverse or lead.background:  # the chosen row of a dialog, or a prompt of the past
                return nothing
            if not sheet.styled and any(line and line[0] != " " for line in sheet.lines[top + 1 : sheet.end]):
                return nothing  # history goes on below it
            break
        if glyph := _starts(line, layout.shell):
            bottom = _open_end(sheet, layout, top)
            if not layout.shell_footer.search("\n".join(sheet.lines[bottom : sheet.end])):
                continue
            return Box(Composer("shell", _composer(sheet, layout, top, bottom, glyph).text), top, bottom)
    else:
        return nothing
    bottom = _open_end(sheet, layout, top)
    return Box(_composer(sheet, layout, top, bottom, glyph), top, bottom)


def _open_end(sheet: Sheet, layout: Layout, top: int) -> int:
    """Where an open composer ends: the footer is the last block of lines, set off by a blank line. A long draft leaves
    no room for a footer; then all that is indented is the draft."""
    for index in range(sheet.end - 1, top, -1):
        if not sheet.lines[index]:
            if layout.footer.search("\n".join(sheet.lines[index + 1 : sheet.end])):
                return index
            break
    return next((i for i in range(top + 1, sheet.end) if sheet.lines[i] and sheet.lines[i][:2] != "  "), sheet.end)


def _composer(sheet: Sheet, layout: Layout, top: int, bottom: int, glyph: str) -> Composer:
    rows: list[str] = []
    faint, solid = "", False
    for index in range(top, bottom):
        skip = len(glyph) if index == top else 2
        row = ""
        for text, style in sheet.looks(index):
            cut, skip = text[skip:], max(0, skip - len(text))
            if style.faint:
                faint += cut
                continue
            row += cut
            solid = solid or (bool(cut.strip()) and not style.reverse)
        rows.append(_SCROLLED.sub("", row.rstrip()))
    text = "\n".join(rows).strip()
    # A hint may begin with the reversed cell of the cursor, the rest of it is faint.
    if not text or (faint.strip() and not solid):
        return EMPTY
    if not sheet.styled and layout.placeholder.search(text):
        return EMPTY
    return Composer("draft", text)


def find_turn(sheet: Sheet, layout: Layout, limit: int) -> int:
    """The line after the user's last prompt above `limit`; 0 when none is on the screen."""
    at = next((i for i in range(limit - 1, -1, -1) if _starts(sheet.lines[i], layout.prompts)), None)
    if at is None:
        return 0
    prompt_has_background = sheet.lead(at).background
    at += 1
    while at < limit:
        if prompt_has_background:
            if not sheet.lead(at).background:
                break
        elif not sheet.lines[at] or layout.cell.search(sheet.lines[at]):
            break
        at += 1
    return at


def last_words(sheet: Sheet, layout: Layout, limit: int) -> tuple[str, bool]:
    """The last paragraph the agent wrote above `limit`, on one line of at most 300 characters, or nothing; and whether
    it stands above the newest prompt there, so that it answers an earlier one."""
    for start in range(limit - 1, -1, -1):
        said = layout.said.search(sheet.lines[start])
        if said is None or (start + 1 < limit and layout.tool.search(sheet.lines[start + 1])):
            continue
        paragraphs = [[sheet.lines[start][said.end() :].strip()]]
        for line in sheet.lines[start + 1 : limit]:
            if layout.said_end.search(line) or (line and layout.cell.search(line)) or _starts(line, layout.prompts):
                break
            if line:
                paragraphs[-1].append(line.strip())
            elif paragraphs[-1]:
                paragraphs.append([])
        words = next((" ".join(p) for p in reversed(paragraphs) if any(p)), "")
        cut = words if len(words) <= _SAYS_LIMIT else words[: _SAYS_LIMIT - 1] + "…"
        return cut, start < find_turn(sheet, layout, limit)
    return "", False
