"""Rules are data that people may edit: a mistake names file and line, and the rules before it stay in force."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bot.clis
from bot.clis.model import State
from bot.clis.rules import RulesInvalid, load, parse
from bot.clis.screens import Rulebook
from tests.unit.captured import capture

SHIPPED = [Path(bot.clis.__file__).parent / kind / "screens.toml" for kind in ("codex", "claude", "demo")]


def text_of(kind: str) -> str:
    return next(path for path in SHIPPED if path.parent.name == kind).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.parent.name)
def test_shipped_rules_are_versioned_and_unambiguous(path: Path) -> None:
    rules = load(path)
    assert rules.version
    assert rules.cli
    names = [rule.name for rule in rules.rules]
    assert len(names) == len(set(names))
    priorities = [rule.priority for rule in rules.rules]
    assert priorities == sorted(priorities, reverse=True)
    assert len(priorities) == len(set(priorities))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('pointers = ["❯"]', 'pointers = ["❯"', "line"),
        ("'^● '", "'^(● '", "no regular expression"),
        ('state = "limited"', 'state = "sleepy"', "'sleepy' is not one of"),
        ('region = "turn"', 'region = "ceiling"', "'ceiling' is not one of"),
        ("priority = 900", 'priority = "high"', "needs a priority"),
        ('prompts = [">> "]', 'prompts = [""]', "empty word"),
        ("format = 1", "format = 7", "format must be 1"),
        ('trust = "low"', 'trust = "some"', "not one of"),
        ("closing =", "clozing =", "does not know 'clozing'"),
        ('kind = "permission"', 'kind = "party"', "'party' is not one of"),
        ('composer = ["empty", "draft"]', "composer = 3", "composer must be a list"),
        ('dialog = ["permission", "question"', 'dialog = [3, "question"', "dialog must be text"),
        ("priority = 900", "priority = true", "needs a priority"),
        ("reset = '\\bresets\\s+([^\\s·]+)'", "reset = 'resets'", "reset has no group"),
    ],
)
def test_a_mistake_names_file_and_line(old: str, new: str, says: str) -> None:
    kind = "codex" if old.startswith("trust") else "demo"
    text = text_of(kind)
    assert old in text
    broken = text.replace(old, new, 1)
    with pytest.raises(RulesInvalid) as caught:
        parse(broken, source="my/screens.toml")
    line = broken[: broken.index(new)].count("\n") + 1
    assert says in caught.value.message
    named = int(caught.value.message.split("my/screens.toml, line ")[1].split(":")[0])
    assert line - 5 <= named <= line + 1  # a table is named by its header, a bracket by where its lack was seen


VALUES = ("3", "-1", "1.5", "true", '""', '"x"', "'('", "[]", "[3]", '["x"]', "[[1]]", "{}", "{ x = 1 }", "2026-11-22")


@given(st.sampled_from(SHIPPED), st.integers(0, 400), st.sampled_from(VALUES))
def test_no_value_in_no_place_is_more_than_a_mistake(path: Path, number: int, value: str) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    given_lines = [at for at, line in enumerate(lines) if re.match(r"[a-z_]+ = ", line)]
    at = given_lines[number % len(given_lines)]
    lines[at] = f"{lines[at].split(' = ')[0]} = {value}"
    try:
        rules = parse("\n".join(lines), source="here")
    except RulesInvalid as error:
        assert re.search(r"here, line \d+: ", error.message)
        return
    reading = Rulebook(rules).read("■ You've hit your demo limit · resets 9pm\n────\n> \n────", "")
    assert reading.rule


def test_a_broken_file_leaves_the_old_rules_in_force(tmp_path: Path) -> None:
    book = Rulebook(parse(text_of("codex"), source="shipped"))
    shown = capture("codex-80x24-idle")
    assert book.read(shown.ansi, shown.title).state is State.IDLE
    file = tmp_path / "screens.toml"
    file.write_text(text_of("codex") + "\n[[rule]\n", encoding="utf-8")
    error = book.reload(file)
    assert error is not None
    assert str(file) in error.message
    assert "line" in error.message
    assert book.read(shown.ansi, shown.title).state is State.IDLE
    assert book.reload(tmp_path / "missing.toml") is not None
    assert book.read(shown.ansi, shown.title).state is State.IDLE


def test_a_good_file_takes_over_at_once(tmp_path: Path) -> None:
    book = Rulebook(parse(text_of("codex"), source="shipped"))
    shown = capture("codex-80x24-idle")
    assert book.read(shown.ansi, shown.title).rule == "quiet title, empty composer"
    file = tmp_path / "screens.toml"
    rule = (
        '\n[[rule]]\nname = "mine"\nstate = "error"\npriority = 5000\nwhen = [{ region = "screen", match = "Codex" }]\n'
    )
    file.write_text(text_of("codex") + rule, encoding="utf-8")
    assert book.reload(file) is None
    reading = book.read(shown.ansi, shown.title)
    assert (reading.state, reading.rule) == (State.ERROR, "mine")


def test_the_last_lines_of_a_region_are_the_non_empty_ones() -> None:
    text = text_of("demo").replace(
        'name = "empty composer"\nstate = "idle"\npriority = 400\n',
        'name = "near"\nstate = "error"\npriority = 400\nwhen = [{ region = "above", match = "boom", last = 2 }]\n',
    )
    book = Rulebook(parse(text, source="here"))
    rule = "─" * 40
    near = f"boom\n\nx\n\n{rule}\n> \n{rule}\n"
    far = f"boom\n\nx\n\ny\n\n{rule}\n> \n{rule}\n"
    assert book.read(near, "").rule == "near"
    assert book.read(far, "").rule != "near"
