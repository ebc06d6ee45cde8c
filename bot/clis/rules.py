"""Rules for reading a CLI's screen, kept as data (`screens.toml`) because the CLIs change their looks every few weeks.

File format (ours, `format = 1`):
  format, version               the format of the file, the date of the rules
  cli, versions                 the CLI and the versions of it that they were measured on
  [layout]                      where things stand: see `Layout`
  [[dialog]]                    kind, match: the first whose regex is found in a dialog's text names its kind;
                                digits = false where the numbers before its choices are no keys; bare = true where it
                                is drawn without digits and key hints, and known by its whole title
  [[rule]]                      name, state, priority (higher is asked first), and the conditions, which must all hold:
                                when = [{region, match, last?}], unless = [same], composer = [kinds], dialog = [kinds];
                                trust = "high" | "low", reset = regex whose first group is the reset time
Regions: title, mark (the title without the names that the footer shows), screen, footer (below the composer), above
(over the composer), turn (over the composer, since the last prompt of the user), dialog (title, detail and labels).
`last = N` takes the last N non-empty lines of a region.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from bot.clis.model import ComposerKind, DialogKind, State, Trust
from bot.errors import MafError

FORMAT = 1
Region = Literal["title", "mark", "screen", "footer", "above", "turn", "dialog"]
_SPECIAL = ("none",)  # a [[rule]] with state "none" says: this screen alone cannot tell


class RulesInvalid(MafError):
    """The screen rules cannot be read; the previous ones stay in force."""

    code = "screen_rules"


@dataclass(frozen=True, slots=True)
class Condition:
    """A regex that is looked for in a region, or in its last `last` non-empty lines (0: all of it)."""

    region: Region
    match: re.Pattern[str]
    last: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `state` None says that this look does not tell."""

    name: str
    state: State | None
    priority: int
    when: tuple[Condition, ...]
    unless: tuple[Condition, ...]
    composer: frozenset[ComposerKind]
    dialog: frozenset[DialogKind]
    trust: Trust
    reset: re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class DialogRule:
    """What a dialog with these words is about; `digits`: a choice is made by the digit before it; `bare`: its title is
    all that tells it from a list in somebody's text."""

    kind: DialogKind
    match: re.Pattern[str]
    digits: bool = True
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a CLI puts things.

    box: "ruled" (composer between two lines of ─) or "open" (glyph line, indented lines, blank line, footer). glyphs
    / shell / prompts: what a composer line, a shell-mode composer line and an old prompt start with. footer: found in
    what stands below an open composer; shell_footer: the same in shell mode. placeholder: hints that stand in an
    empty composer, for captures without styling. pointers: mark the chosen row of a dialog. shortcut: the key hint at
    the end of a label. typed: a choice that asks for words; Esc gives it without any. closing: what ends a dialog.
    boxed: how the rules around a command start; bar: what its rows start with there, where they do; command: how a
    command without rules starts; cut: a line that says that more is to be had than stands there. volatile: passages
    of a dialog that are no part of the question. cell: how a piece of history starts; said: how one starts in which the
    agent speaks; said_end: what ends it; tool: the line under a piece that names a tool call instead."""

    box: Literal["ruled", "open"]
    glyphs: tuple[str, ...]
    shell: tuple[str, ...]
    prompts: tuple[str, ...]
    pointers: tuple[str, ...]
    footer: re.Pattern[str]
    shell_footer: re.Pattern[str]
    placeholder: re.Pattern[str]
    shortcut: re.Pattern[str]
    typed: re.Pattern[str]
    closing: re.Pattern[str]
    command: re.Pattern[str]
    volatile: re.Pattern[str]
    cell: re.Pattern[str]
    said: re.Pattern[str]
    said_end: re.Pattern[str]
    tool: re.Pattern[str]
    cut: re.Pattern[str]
    boxed: str
    bar: str


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All that is known about one CLI's screens, ready to use."""

    version: str
    cli: str
    versions: tuple[str, ...]
    layout: Layout
    dialogs: tuple[DialogRule, ...]
    rules: tuple[Rule, ...]


def parse(text: str, *, source: str) -> Ruleset:
    """Read rules from TOML text.

    Raises RulesInvalid, whose message names `source` and the line."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"line (\d+)", str(error))
        line = int(where.group(1)) if where else text.count("\n") + 1
        raise RulesInvalid(f"{source}, line {line}: {error}.") from error
    return _Reader(text, source).ruleset(data)


def load(path: Path) -> Ruleset:
    """Read rules from a file. Raises RulesInvalid."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RulesInvalid(f"{path}, line 1: {error}.") from error
    return parse(text, source=str(path))


class _Reader:
    """Turns parsed TOML into a Ruleset, and any mistake in it into a RulesInvalid with file and line."""

    def __init__(self, text: str, source: str) -> None:
        self._lines = text.splitlines()
        self._source = source
        self._table = 0  # line of the table being read, counted from 0

    def _fail(self, why: str, value: object = None) -> RulesInvalid:
        line = self._table
        if isinstance(value, str) and value:
            line = next((n for n, text in enumerate(self._lines[line:], line) if value in text), line)
        return RulesInvalid(f"{self._source}, line {line + 1}: {why}.")

    def _goto(self, header: str, index: int = 0) -> None:
        at = [n for n, line in enumerate(self._lines) if line.strip() == header]
        self._table = at[index] if index < len(at) else 0

    def ruleset(self, data: Mapping[str, Any]) -> Ruleset:
        """A parsed screens.toml, checked as a whole; the rules in falling priority. Raises RulesInvalid."""
        if data.get("format") != FORMAT:
            raise self._fail(f"format must be {FORMAT}")
        self._goto("[layout]")
        layout = self._layout(self._mapping(data.get("layout"), "layout"))
        dialogs, rules = [], []
        for index, table in enumerate(self._list(data.get("dialog", []), "dialog")):
            self._goto("[[dialog]]", index)
            dialogs.append(self._dialog(self._mapping(table, "dialog")))
        for index, table in enumerate(self._list(data.get("rule", []), "rule")):
            self._goto("[[rule]]", index)
            rules.append(self._rule(self._mapping(table, "rule")))
        rules.sort(key=lambda rule: -rule.priority)
        return Ruleset(
            version=str(data.get("version", "")),
            cli=str(data.get("cli", "")),
            versions=self._words(data.get("versions", []), "versions"),
            layout=layout,
            dialogs=tuple(dialogs),
            rules=tuple(rules),
        )

    def _mapping(self, value: object, name: str) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            raise self._fail(f"{name} must be a table")
        return value

    def _list(self, value: object, name: str) -> list[Any]:
        if not isinstance(value, list):
            raise self._fail(f"{name} must be a list")
        return value

    def _words(self, value: object, name: str) -> tuple[str, ...]:
        words = tuple(self._text(word, name) for word in self._list(value, name))
        if "" in words:
            raise self._fail(f"{name} must not hold an empty word")
        return words

    def _text(self, value: object, name: str) -> str:
        if not isinstance(value, str):
            raise self._fail(f"{name} must be text")
        return value

    def _pattern(self, value: object, name: str) -> re.Pattern[str]:
        text = self._text(value, name)
        try:
            return re.compile(text, re.MULTILINE)
        except re.error as error:
            raise self._fail(f"{name} is no regular expression: {error}", text) from error

    def _one_of(self, value: object, name: str, known: tuple[str, ...]) -> str:
        text = self._text(value, name)
        if text not in known:
            raise self._fail(f"{name} {text!r} is not one of {', '.join(known)}", text)
        return text

    def _some_of(self, table: Mapping[str, Any], name: str, known: tuple[str, ...]) -> list[str]:
        return [self._one_of(word, name, known) for word in self._list(table.get(name, []), name)]

    def _reset(self, value: object) -> re.Pattern[str]:
        pattern = self._pattern(value, "reset")
        if not pattern.groups:
            raise self._fail("reset has no group, and its first is the time", value)
        return pattern

    def _only(self, table: Mapping[str, Any], name: str, known: frozenset[str]) -> None:
        for key in table:
            if key not in known:
                raise self._fail(f"{name} does not know {key!r}", key)

    def _layout(self, table: Mapping[str, Any]) -> Layout:
        self._only(table, "layout", frozenset(Layout.__dataclass_fields__))
        never = r"(?!)"

        def pattern(name: str) -> re.Pattern[str]:
            return self._pattern(table.get(name, never), name)

        return Layout(
            box="ruled" if self._one_of(table.get("box"), "box", ("ruled", "open")) == "ruled" else "open",
            glyphs=self._words(table.get("glyphs"), "glyphs"),
            shell=self._words(table.get("shell", []), "shell"),
            prompts=self._words(table.get("prompts"), "prompts"),
            pointers=self._words(table.get("pointers"), "pointers"),
            footer=pattern("footer"),
            shell_footer=pattern("shell_footer"),
            placeholder=pattern("placeholder"),
            shortcut=pattern("shortcut"),
            typed=pattern("typed"),
            closing=pattern("closing"),
            command=pattern("command"),
            volatile=pattern("volatile"),
            cell=pattern("cell"),
            said=pattern("said"),
            said_end=pattern("said_end"),
            tool=pattern("tool"),
            cut=pattern("cut"),
            boxed=self._text(table.get("boxed", ""), "boxed"),
            bar=self._text(table.get("bar", ""), "bar"),
        )

    def _dialog(self, table: Mapping[str, Any]) -> DialogRule:
        self._only(table, "dialog", frozenset(DialogRule.__dataclass_fields__))
        kind: Any = self._one_of(table.get("kind"), "kind", get_args(DialogKind))
        flags = {"digits": table.get("digits", True), "bare": table.get("bare", False)}
        for name, value in flags.items():
            if not isinstance(value, bool):
                raise self._fail(f"{name} must be true or false")
        return DialogRule(kind, self._pattern(table.get("match"), "match"), **flags)

    def _rule(self, table: Mapping[str, Any]) -> Rule:
        self._only(table, "rule", frozenset(Rule.__dataclass_fields__))
        name = self._text(table.get("name"), "name")
        state = self._one_of(table.get("state"), "state", (*(str(state) for state in State), *_SPECIAL))
        priority = table.get("priority")
        if type(priority) is not int:  # true is one to isinstance
            raise self._fail(f"rule {name!r} needs a priority")
        composer: Any = self._some_of(table, "composer", get_args(ComposerKind))
        dialog: Any = self._some_of(table, "dialog", get_args(DialogKind))
        trust: Any = self._one_of(table.get("trust", "high"), "trust", get_args(Trust))
        return Rule(
            name=name,
            state=None if state in _SPECIAL else State(state),
            priority=priority,
            when=self._conditions(table.get("when", []), "when"),
            unless=self._conditions(table.get("unless", []), "unless"),
            composer=frozenset(composer),
            dialog=frozenset(dialog),
            trust=trust,
            reset=self._reset(table["reset"]) if "reset" in table else None,
        )

    def _conditions(self, value: object, name: str) -> tuple[Condition, ...]:
        found = []
        for item in self._list(value, name):
            table = self._mapping(item, name)
            self._only(table, name, frozenset(Condition.__dataclass_fields__))
            region: Any = self._one_of(table.get("region"), "region", get_args(Region))
            last = table.get("last", 0)
            if type(last) is not int or last < 0:
                raise self._fail("last must be a number of lines")
            found.append(Condition(region, self._pattern(table.get("match"), "match"), last))
        return tuple(found)
