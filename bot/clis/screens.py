"""Reading a screen: the rules of one CLI applied to one capture. Pure, apart from reading the shipped rules once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from pathlib import Path

from bot.clis.dialogs import Found, find_dialog, find_notice
from bot.clis.model import Composer, Dialog, ScreenLike, ScreenReading
from bot.clis.regions import ABSENT, Box, Sheet, find_composer, find_turn, last_words
from bot.clis.rules import Condition, Rule, Ruleset, RulesInvalid, load
from bot.clis.titles import title_mark

_REMEMBERED = 512  # readings kept: an unchanged screen is not read twice
_UNREAD = ScreenReading(None, "no rules for this kind of agent", ABSENT)


class Rulebook:
    """The rules in force for one kind of agent; a file that cannot be read never replaces rules that could."""

    def __init__(self, rules: Ruleset, path: Path | None = None) -> None:
        self._path, self._stamp = path, _stamp(path)
        self._use(rules)

    def _use(self, rules: Ruleset) -> None:
        self.rules = rules
        self._read: Callable[[str, str], ScreenReading] = lru_cache(_REMEMBERED)(
            lambda ansi, title: _reading(rules, ansi, title)
        )

    def reload(self, path: Path) -> RulesInvalid | None:
        """Take the rules of another file. On a mistake the old ones stay and the error (file, line) is returned."""
        try:
            self._use(load(path))
        except RulesInvalid as error:
            return error
        return None

    def renew(self) -> RulesInvalid | None:
        """The same for the file they came from, if it was written since. A mistake is returned once."""
        stamp = _stamp(self._path)
        if self._path is None or stamp == self._stamp:
            return None
        self._stamp = stamp
        return self.reload(self._path)

    def read(self, ansi: str, title: str) -> ScreenReading:
        """What this screen says."""
        return self._read(ansi, title)


def _stamp(path: Path | None) -> tuple[int, int] | None:
    try:
        stat = path.stat() if path is not None else None
    except OSError:
        return None
    return (stat.st_mtime_ns, stat.st_size) if stat is not None else None


@cache
def rulebook(kind: str) -> Rulebook | None:
    """The rulebook of a kind of agent ("codex", "claude", "demo"), None for a kind without rules (a plain shell).

    Raises RulesInvalid."""
    path = Path(__file__).parent / kind / "screens.toml"
    return Rulebook(load(path), path) if kind.isalpha() and path.is_file() else None


def renew_rules(kinds: Iterable[str]) -> list[RulesInvalid]:
    """Take the rules of these kinds again where their file was written since; what is wrong with it is told once."""
    mistakes = []
    for kind in kinds:
        with contextlib.suppress(RulesInvalid):  # never read yet: read_screen says why
            if (book := rulebook(kind)) and (mistake := book.renew()):
                mistakes.append(mistake)
    return mistakes


def read_screen(kind: str, screen: ScreenLike) -> ScreenReading:
    """What the screen of an agent of this kind says; nothing, and why, where its rules cannot be read."""
    return _read(kind, screen.ansi, screen.title)


def read_title(kind: str, title: str) -> ScreenReading:
    """The same for the title of its pane alone."""
    return _read(kind, "", title)


def _read(kind: str, ansi: str, title: str) -> ScreenReading:
    try:
        return read_text(kind, ansi, title)
    except RulesInvalid as error:
        return ScreenReading(None, error.message, ABSENT)


def read_text(kind: str, ansi: str, title: str = "") -> ScreenReading:
    """The same for a bare capture; text without SGR sequences is read too, as far as it goes. Raises RulesInvalid."""
    book = rulebook(kind)
    return book.read(ansi, title) if book else _UNREAD


class _Regions:
    """The named regions of one screen, each cut out when a rule first asks for it."""

    def __init__(self, sheet: Sheet, title: str, box: Box, found: Found | None, rules: Ruleset) -> None:
        self._sheet, self._box, self._found, self._rules = sheet, box, found, rules
        self._limit = found.top if found else box.top
        self._text: dict[tuple[str, int], str] = {("title", 0): title}

    def get(self, region: str, last: int) -> str:
        key = (region, last)
        if key not in self._text:
            lines = self._cut(region)
            if last:
                lines = [line for line in lines if line][-last:]
            self._text[key] = "\n".join(lines)
        return self._text[key]

    def _cut(self, region: str) -> list[str]:
        lines, end = self._sheet.lines, self._sheet.end
        match region:
            case "screen":
                cut = lines[:end]
            case "footer":
                cut = lines[self._box.bottom : end]
            case "mark":
                cut = [title_mark(self.get("title", 0), self.get("footer", 0))]
            case "above":
                cut = lines[: self._limit]
            case "turn":
                cut = lines[find_turn(self._sheet, self._rules.layout, self._limit) : self._limit]
            case _:
                cut = _words(self._found.dialog) if self._found else []
        return cut


def _words(dialog: Dialog) -> list[str]:
    return [dialog.title, *dialog.detail.split("\n"), *(option.label for option in dialog.options)]


def _reading(rules: Ruleset, ansi: str, title: str) -> ScreenReading:
    sheet = Sheet(ansi)
    box, found = _bottom(sheet, rules)
    dialog = found.dialog if found else None
    regions = _Regions(sheet, title, box, found, rules)
    words = last_words(sheet, rules.layout, found.top if found else box.top)
    mark = regions.get("mark", 0)
    for rule in rules.rules:
        if _holds(rule, regions, box.composer, dialog):
            reset = _reset(rule, regions)
            return ScreenReading(rule.state, rule.name, box.composer, dialog, reset, *words, rule.trust, mark)
    return ScreenReading(None, "no rule fits", box.composer, dialog, None, *words, "low", mark)


def _bottom(sheet: Sheet, rules: Ruleset) -> tuple[Box, Found | None]:
    """What stands at the bottom: a composer or a dialog, never both."""
    nothing = Box(ABSENT, sheet.end, sheet.end)
    # Without a frame a chosen row looks like a composer, so there the dialog is asked for first; within a frame the
    # composer is the surer sign.
    if rules.layout.box == "open" and (found := find_dialog(sheet, rules)):
        return nothing, found
    box = find_composer(sheet, rules.layout)
    if box.composer.kind != "absent":
        return box, None
    return nothing, (find_dialog(sheet, rules) if rules.layout.box == "ruled" else None) or find_notice(sheet, rules)


def _holds(rule: Rule, regions: _Regions, composer: Composer, dialog: Dialog | None) -> bool:
    if rule.composer and composer.kind not in rule.composer:
        return False
    if rule.dialog and (dialog is None or dialog.kind not in rule.dialog):
        return False
    return all(_found(c, regions) for c in rule.when) and not any(_found(c, regions) for c in rule.unless)


def _found(condition: Condition, regions: _Regions) -> bool:
    return condition.match.search(regions.get(condition.region, condition.last)) is not None


def _reset(rule: Rule, regions: _Regions) -> str | None:
    """The reset time, verbatim but on one line: the turn names it most fully, the footer is asked next."""
    if rule.reset is None:
        return None
    for region in ("turn", "footer"):
        if (match := rule.reset.search(regions.get(region, 0))) and match.group(1):
            return " ".join(match.group(1).split())
    return None
