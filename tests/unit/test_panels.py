"""What the side windows of an agent draw."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.agents.panels.panel import keys_of
from bot.agents.panels.terminal import SGR, fold, page
from bot.agents.panels.views import (
    at_home,
    clean,
    git_state,
    history,
    monitor,
    resource_line,
    review,
    staging,
    suggestions,
)
from bot.excerpt import readable
from bot.tmux.cells import width_of
from tests.patience import PATIENCE_S

PARTS = st.one_of(st.text(max_size=9), st.sampled_from(["\x1b[31m", "\x1b[0m", "\x1b[m", "日本", "✋", "so many "]))
LINE = st.lists(PARTS).map("".join)


def cells(row: str) -> int:
    return sum(width_of(character) for character in SGR.sub("", row))


@given(LINE.map(clean), st.integers(2, 40))
@example(" 0日", 2)
def test_a_folded_line_fits_and_loses_nothing(line: str, width: int) -> None:
    rows = fold(line, width)
    assert all(cells(row) <= width for row in rows)
    assert SGR.sub("", "".join(rows)) == SGR.sub("", line)


def test_a_colour_goes_on_in_the_next_row_and_ends_with_the_line() -> None:
    assert fold("\x1b[31mred and\x1b[0m so", 4) == ["\x1b[31mred \x1b[0m", "\x1b[31mand\x1b[0m ", "so"]
    assert fold("one two \x1b[31mthree\x1b[0m", 10) == ["one two ", "\x1b[31mthree\x1b[0m"]


@given(st.lists(LINE.map(clean), max_size=30), st.integers(2, 60), st.integers(1, 30))
def test_a_page_fits_its_pane_and_counts_what_it_leaves_out(lines: list[str], width: int, height: int) -> None:
    rows = page("git", lines, "r: look again", (width, height), "12:00:00")
    assert len(rows) <= height
    assert all(cells(row) <= width for row in rows)


def test_what_does_not_fit_is_counted() -> None:
    rows = page("git", [f"line {n}" for n in range(9)], "r", (40, 6), "12:00:00")
    assert [SGR.sub("", row) for row in rows] == ["git  12:00:00  r", "line 0", "line 1", "line 2", "… 6 more lines"]


def test_the_log_begins_with_its_newest_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "logs/agents").mkdir(parents=True)
    (tmp_path / "logs/agents/w1.log").write_text("".join(f"line {n}\n" for n in range(500)))
    monkeypatch.setenv("MAF_AGENT", "w1")
    monkeypatch.setenv("MAF_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    lines = monitor()
    assert lines[0] == "w1: state unknown (the bot is not running)"
    assert lines[3:5] == ["line 499", "line 498"]
    assert len(lines) == 3 + 200


def test_a_line_of_the_log_tells_the_time_of_this_machine() -> None:
    now = datetime.now().astimezone()
    assert at_home(f"{now.isoformat()} idle") == f"{now:%H:%M:%S} idle"
    old = now - timedelta(days=40)
    assert at_home(f"{old.isoformat()} idle") == f"{old:%d %b %H:%M} idle"
    assert at_home("no time at all") == "no time at all"


@given(st.text(max_size=200))
def test_nothing_but_colours_reaches_the_terminal(text: str) -> None:
    shown = SGR.sub("", clean(text))
    assert readable(shown) == shown


def test_the_resource_line_counts_the_pane_and_all_below_it() -> None:
    table = ["10 1 0.0 10240 01:02:03", "20 10 1.5 102400 01:02:00", "21 20 50.0 204800 00:10", "30 1 99.0 999999 1"]
    assert resource_line("10", table) == "52 % of a processor on average, 310 MB, 3 processes, up 01:02:03"
    assert resource_line("99", table) == "It does not run."


def test_commands_that_the_files_of_a_project_offer() -> None:
    files = {"Makefile": "\ncheck:\n", "pyproject.toml": "[tool.pytest.ini_options]\n[tool.ruff]\n"}

    def has(name: str, text: str) -> bool:
        return name in files and text in files[name]

    assert suggestions("tests", has) == ["pytest -q"]
    assert suggestions("lint", has) == ["make check", "ruff check ."]


def git(*words: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *who, *words], check=True, timeout=PATIENCE_S)


def test_a_new_file_is_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "first")
    nothing = "Nothing has changed since the last commit."
    assert nothing in git_state()
    (tmp_path / "cart.py").write_text("x = 1\n")
    shown = git_state()
    assert any("cart.py" in SGR.sub("", line) for line in shown)
    assert nothing not in shown


@pytest.mark.parametrize("view", [git_state, review, staging, history])
def test_a_folder_without_git_and_a_repository_without_a_commit_are_told_in_words(
    view: Callable[[], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert view()[0] == "There is no git repository here."
    assert view()[1].startswith("fatal: not a git repository"), "and why, in git's own words"
    git("init", "-q")
    (tmp_path / "cart.py").write_text("x = 1\n")
    shown = [SGR.sub("", line) for line in view()]
    assert shown[0] == "This repository has no commit yet."
    assert "?? cart.py" in shown
    git("add", ".")
    assert "+x = 1" in [SGR.sub("", line) for line in view()]


def test_a_review_of_the_first_commit_shows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    git("init", "-q", "-b", "main")
    (tmp_path / "cart.py").write_text("x = 1\n")
    git("add", ".")
    git("commit", "-q", "-m", "First cart")
    shown = [SGR.sub("", line) for line in review()]
    assert shown[0] == "the last commit"
    assert "+x = 1" in shown
    assert not any(line.startswith("fatal") for line in shown)


def test_the_keys_of_an_offer() -> None:
    assert keys_of(0) == "r: refresh"
    assert keys_of(1) == "1: run · r: refresh"
    assert keys_of(4) == "1-4: run · r: refresh"
