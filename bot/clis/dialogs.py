"""Questions that stand on a screen: text, choices, which one is marked, and a fingerprint to recognise them by."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace

from bot.clis.model import Dialog, DialogKind, Option
from bot.clis.regions import Sheet
from bot.clis.rules import Layout, Ruleset

_NUMBER = re.compile(r"(\d{1,2})[.)] ")
_INSET = re.compile(r"\s*[─▔]{8,}$")  # a rule within a dialog, around a plan that may be scrolled (Claude Code 2.1.328)
_OPENING = 200  # characters of such a plan to know it by: how much of it is seen varies, and so does the mark beside it
_SCROLLED = re.compile(r" {2,}[↑↓]$")  # the mark at the right edge of a text of which more is to be had
_GAP = re.compile(r"\s{2,}")  # between a choice and what is said about it
# White space changes with the terminal's width; marks while somebody at the pane chooses several (Claude Code 2.1.328).
_VARIES = re.compile(r"\s+|\[[ ✔]\]|[☐☒]")
_QUESTION = re.compile(r"(?:[^\n?]+\n){0,3}[^\n?]+\?$", re.MULTILINE)
_BROKEN = re.compile(r"(?<!\n)\n(?!\n)")  # where a line may have been broken to fit
_UNBARRED = 80  # columns of one line that Claude Code 2.1.328 puts no bar before
_OPEN_INDENT = 2  # columns: Codex indents the choices of a question of the model, not those of its own
_FREE = 2  # columns at the right edge that Claude Code 2.1.332 leaves free in its dialogs
_NOTICE = 8  # last lines of a screen in which a question without marked choices has to stand


@dataclass(frozen=True, slots=True)
class Found:
    """A dialog, and the first line that belongs to it."""

    dialog: Dialog
    top: int


@dataclass(slots=True)
class _Row:
    line: int
    key: str
    label: str
    selected: bool
    grey: bool
    beside: bool  # something is said about the choice in a column of its own
    remark: str


def fingerprint(title: str, detail: str, labels: tuple[str, ...]) -> str:
    """12 hex digits over the words of a question."""
    text = "\0".join(_VARIES.sub("", part) for part in (title, detail, *labels))
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=6).hexdigest()


def find_dialog(sheet: Sheet, rules: Ruleset) -> Found | None:
    """The dialog with a marked choice at the bottom of the screen, or None."""
    layout = rules.layout
    for floor in _floors(sheet, layout):
        if chosen := _pointer(sheet, layout, floor):
            break
    else:
        return None
    line, column = chosen
    rows = _rows(sheet, layout, line, column, floor)
    if len(rows) < 2:
        return None
    found = _build(sheet, rules, rows, floor)
    # Claude Code 2.1.332 asks about auto mode with neither digits nor key hints: known by its words alone.
    return found if _is_real(sheet, layout, rows, line) or _is_known(rules, found.dialog) else None


def _floors(sheet: Sheet, layout: Layout) -> list[int]:
    """Where a dialog may begin, most likely first. A boxed CLI draws its dialogs under a horizontal rule; some have a
    rule of their own above their last choice, and then stand between the last two."""
    if layout.box == "open":
        return [0]
    under = [i + 1 for i in range(sheet.end - 1, -1, -1) if sheet.is_rule(i)]
    closed = any(layout.closing.search(line) for line in sheet.lines[under[0] : sheet.end]) if under else False
    return [*under, 0][: 2 if closed else 1]


def _pointer(sheet: Sheet, layout: Layout, floor: int) -> tuple[int, int] | None:
    """Line and text column of the chosen row: the lowest line whose first character is the pointer. A prompt of the
    past looks like it, but for its background."""
    for index in range(sheet.end - 1, floor - 1, -1):
        line = sheet.lines[index]
        indent = len(line) - len(line.lstrip(" "))
        mark = next((pointer for pointer in layout.pointers if line.startswith(f"{pointer} ", indent)), None)
        if mark and not sheet.lead(index).background and not (layout.box == "open" and indent > _OPEN_INDENT):
            return index, indent + len(mark) + 1
    return None


def _rows(sheet: Sheet, layout: Layout, line: int, column: int, floor: int) -> list[_Row]:
    """The choices: lines whose text begins in the chosen row's column; deeper lines go on with the label above, unless
    they are paler (a remark). Numbered choices may stand apart, unnumbered ones are one block."""
    numbered = bool(_NUMBER.match(sheet.lines[line], column))
    rows: list[_Row] = []
    for index in range(floor, sheet.end):
        text = sheet.lines[index]
        at = column if index == line else _column(text)
        if (not text or sheet.is_rule(index)) and numbered:
            continue
        if rows and not numbered and at == column and _is_broken(sheet, index, floor):
            _go_on(rows[-1], text.strip(), layout, said=False)
            rows[-1].selected = rows[-1].selected or index == line
            continue
        if at == column and bool(_NUMBER.match(text, column)) == numbered:
            row = _row(sheet, index, text[column:], layout, selected=index == line)
            if _follows(rows, row):
                rows.append(row)
                continue
        elif at > column and rows:
            if sheet.lines[index - 1]:
                _go_on(rows[-1], text.strip(), layout, said=rows[-1].beside or _is_remark(sheet, index, rows[-1]))
            continue
        else:
            row = None
        if index > line:
            break
        rows = [row] if row else []
    return rows


def _is_broken(sheet: Sheet, index: int, floor: int) -> bool:
    """True where this line of a list without numbers is the rest of the label above: in the width of the frame its
    first word had no room there. Claude Code 2.1.332 keeps two columns free at the right and does not indent it."""
    width = len(sheet.lines[floor - 1]) if floor and sheet.is_rule(floor - 1) else 0
    above, first = sheet.lines[index - 1], sheet.lines[index].split(maxsplit=1)[0]
    return bool(width) and bool(above) and len(above) + 1 + len(first) > width - _FREE


def _go_on(row: _Row, text: str, layout: Layout, *, said: bool) -> None:
    """One more line of a choice: of its label, or of what is `said` about it."""
    if said:
        row.remark = f"{row.remark} {text}".strip()
    else:
        row.label = _label(f"{row.label} {text}", layout)


def _follows(rows: list[_Row], row: _Row) -> bool:
    """Is this the next choice of the same list?"""
    return not rows or not row.key or int(row.key) == int(rows[-1].key) + 1


def _column(text: str) -> int:
    """Where the text of a line begins; -1 for a blank line."""
    return len(text) - len(text.lstrip(" ")) if text else -1


def _is_remark(sheet: Sheet, index: int, row: _Row) -> bool:
    """Is this deeper line said about the choice above it, and not the rest of its label?"""
    return sheet.lead(index).faint or (_ends_grey(sheet, index) and not row.grey)


def _ends_grey(sheet: Sheet, index: int) -> bool:
    """The looks of a line's last piece: what leads to it (indentation, a mark, a number) has its own."""
    looks = [style for _, style in sheet.looks(index)]
    return bool(looks) and looks[-1].grey


def _row(sheet: Sheet, index: int, text: str, layout: Layout, *, selected: bool) -> _Row:
    number = _NUMBER.match(text)
    label, *remark = _GAP.split((text[number.end() :] if number else text).strip(), maxsplit=1)
    return _Row(
        index,
        number.group(1) if number else "",
        _label(label, layout),
        selected,
        _ends_grey(sheet, index),
        bool(remark),
        " ".join(remark),
    )


def _label(text: str, layout: Layout) -> str:
    return layout.shortcut.sub("", text.strip())


def _is_real(sheet: Sheet, layout: Layout, rows: list[_Row], line: int) -> bool:
    """A list in somebody's text is no dialog: a real one has a closing line or the looks of one."""
    below = sheet.lines[rows[-1].line + 1 : sheet.end]
    if layout.box == "open" and layout.footer.search("\n".join(below)):  # a footer says that the composer is there
        return False
    if any(layout.closing.search(text) for text in below):
        return True
    if layout.box == "open":
        return sheet.lead(line).reverse and bool(rows[0].key)
    return bool(rows[0].key)


def _is_known(rules: Ruleset, dialog: Dialog) -> bool:
    """True where the title itself, on one line, is that of a dialog without key hints (`bare = true`)."""
    return any(rule.bare and rule.match.fullmatch(dialog.title) for rule in rules.dialogs)


def _build(sheet: Sheet, rules: Ruleset, rows: list[_Row], floor: int) -> Found:
    top = floor if rules.layout.box == "ruled" else _open_top(sheet, rules, rows[0].line)
    options = tuple(
        Option(row.label, _key(row, rules.layout), row.selected, row.remark, sheet.lines[row.line]) for row in rows
    )
    more = any(rules.layout.cut.search(line) for line in sheet.lines[rows[0].line : sheet.end])
    return _finish(rules, sheet.lines[top : rows[0].line], options, top, more=more)


def _key(row: _Row, layout: Layout) -> str:
    return "Escape" if layout.typed.search(row.label) else row.key


def _finish(rules: Ruleset, lines: list[str], options: tuple[Option, ...], top: int, *, more: bool = False) -> Found:
    """`more`: a line beside the choices says that the beginning has scrolled off."""
    layout = rules.layout
    body = [line for line in lines if not layout.cut.search(line)]
    command = _command(layout, body)
    text = "\n".join("" if _is_edge(line, layout) or _INSET.fullmatch(line) else line.strip() for line in body)
    text = re.sub(r"\n{3,}", "\n\n", layout.volatile.sub("", text).strip())
    title, detail = ("", text) if more else _headed(text, layout)
    labels = tuple(option.label for option in options)
    words = "\n".join((title, detail, *labels))
    whole = _BROKEN.sub(" ", words)
    known = next((r for r in rules.dialogs if r.match.search(words) or r.match.search(whole)), None)
    if known and not known.digits:
        options = tuple(replace(option, key="") for option in options)
    kind: DialogKind = known.kind if known else "other"
    plan = command if any(map(_INSET.fullmatch, body)) else ""
    told = re.sub(r"\s", "", plan)[:_OPENING] or detail
    cut = more or len(body) < len(lines) or command.endswith("\n…") or command == "…"
    mark = fingerprint(title, told, labels)
    return Found(Dialog(kind, title, detail, options, mark, command, cut, tuple(lines)), top)


def _headed(text: str, layout: Layout) -> tuple[str, str]:
    """The title of a dialog and what stands under it. A CLI without boxes opens with its question, which a narrow
    terminal breaks into several lines."""
    asked = _QUESTION.match(text) if layout.box == "open" else None
    title, _, detail = text.partition("\n")
    return (" ".join(asked[0].split()), text[asked.end() :].strip()) if asked else (title, detail.strip())


def _open_top(sheet: Sheet, rules: Ruleset, first: int) -> int:
    """Where a dialog without a frame begins: at the lowest line that opens a known one, else below the last cell of
    history (a long command may have pushed the question off the screen: then the whole rest of it counts)."""
    for index in range(first - 1, -1, -1):
        line = sheet.lines[index]
        if line and any(rule.match.search(line) for rule in rules.dialogs):
            return index
        if line and rules.layout.cell.search(line):
            after = next((i for i in range(index, first) if not sheet.lines[i]), first)
            return next((i for i in range(after, first) if sheet.lines[i]), first)
    return 0


def _is_edge(line: str, layout: Layout) -> bool:
    return bool(layout.boxed) and line.lstrip(" ").startswith(layout.boxed)


def _command(layout: Layout, body: list[str]) -> str:
    """The command or diff the question is about: what stands between two dashed rules, or starts with a mark. Of one
    that is longer than its place only the beginning stands there."""
    edges = [i for i, line in enumerate(body) if _is_edge(line, layout)]
    under = next((i for i in range(edges[0], len(body)) if _INSET.fullmatch(body[i])), None) if edges else None
    if under is not None and len(edges) == 1:
        return _unframed([_SCROLLED.sub("", line) for line in body[edges[0] + 1 : under]], 1) + "\n…"
    if len(edges) >= 2:
        rows = body[edges[0] + 1 : edges[-1]]
        long = len(rows) > 1 or any(len(line) > _UNBARRED for line in rows)
        barred = bool(layout.bar) and long and all(line.startswith(f" {layout.bar}") for line in rows)
        return _unframed(rows, len(layout.bar) + 2 if barred else 1)
    start = next((i for i, line in enumerate(body) if layout.command.search(line)), None)
    if start is None:
        return ""
    margin = _column(body[start])
    return _unframed([" " * margin + layout.command.sub("", body[start], count=1), *body[start + 1 :]], margin)


def _unframed(block: list[str], margin: int) -> str:
    """Without the margin, or a wider one that all of it has, and without the blank lines at its end."""
    margin = max(margin, min((_column(line) for line in block if line), default=0))
    return "\n".join(line[margin:] for line in block).rstrip()


def find_notice(sheet: Sheet, rules: Ruleset) -> Found | None:
    """A question without marked choices ("press r to retry", a line to type an answer into): known by its words, and in
    a boxed CLI by the line alone that closes it. To be asked only where no composer stands."""
    layout = rules.layout
    floor = _floors(sheet, layout)[0]
    tail = [i for i in range(floor, sheet.end) if sheet.lines[i]][-_NOTICE:]
    if not any(layout.closing.search(sheet.lines[i]) for i in tail):
        return None
    top = next((i for i in tail if any(rule.match.search(sheet.lines[i]) for rule in rules.dialogs)), None)
    if top is None and layout.box == "ruled" and layout.closing.search(sheet.lines[tail[-1]]):
        top = next(i for i in range(floor, sheet.end) if sheet.lines[i])
    return None if top is None else _finish(rules, sheet.lines[top : sheet.end], (), top)
