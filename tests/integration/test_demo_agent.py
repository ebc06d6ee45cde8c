"""The demo agent in real tmux panes: it behaves like an agent, and its record counts what arrived."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.clis.entry import Entry
from bot.clis.kinds import cli_for
from bot.tmux.keeper import ENDED, keeper_command
from bot.tmux.processes import foreground, scan
from tests.private_tmux import Pane, PrivateTmux, until

DEMO = cli_for("demo")


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[PrivateTmux]:
    with PrivateTmux(tmp_path) as server:
        server.open(["sleep", "600"], cwd=tmp_path)  # the server outlives the agents
        yield server


def start(
    tmux: PrivateTmux, home: Path, *, seconds: float = 0.1, resume: str | None = None, size: tuple[int, int] = (80, 24)
) -> Pane:
    """Below its keeper, as the product starts it; without one, tmux may never learn with which code it ended."""
    launch = DEMO.launch(home=home, workdir=home, resume=resume, extra=["--seconds", str(seconds)])
    pane = tmux.open(keeper_command(launch.argv), cwd=home, size=size)
    until(lambda: pane.title == "demo: idle", lambda: f"an idle agent on\n{pane.screen}")
    return pane


def send(pane: Pane, text: str) -> None:
    pane.paste(text)
    pane.keys("Enter")


def entries(pane: Pane, home: Path) -> list[Entry]:
    found = DEMO.conversation(home=home, workdir=home, pid=pane.pid, known=None)
    return DEMO.entries(found.path, 0)[0] if found else []


def texts(pane: Pane, home: Path, kind: str) -> list[str]:
    return [entry.text for entry in entries(pane, home) if entry.kind == kind]


def test_it_takes_a_prompt_whole_once_and_prints_it_in_full(tmux: PrivateTmux, tmp_path: Path) -> None:
    pane = start(tmux, tmp_path)
    lines = [
        "Fix it; $x `y` \"q\" 'z' # ~ \\",
        "Привет 👩‍👧 мир",
        "",
        *(f"line {n} " + "long " * 30 for n in range(40)),
        "ref: d3f9k2m7",
    ]
    text = "\n".join(lines)
    send(pane, text)
    until(lambda: texts(pane, tmp_path, "turn_end") or None, lambda: f"the end of the turn on\n{pane.screen}")
    assert texts(pane, tmp_path, "user") == [text]
    kinds = [entry.kind for entry in entries(pane, tmp_path)]
    assert kinds == ["meta", "user", "turn_start", "model", "usage", "turn_end"]
    history = pane.history
    assert history.count("ref: d3f9k2m7") == 1
    for line in lines[3:-1]:
        assert line[:20] in history
    assert "> Type a task" in pane.screen and pane.title == "demo: idle"


def test_a_long_paste_is_a_placeholder_and_is_submitted_whole(tmux: PrivateTmux, tmp_path: Path) -> None:
    pane = start(tmux, tmp_path)
    text = "\n".join(f"row {n}" for n in range(12))
    pane.paste(text)
    pane.sees("> [Pasted text #1 +11 lines]")
    pane.keys("Enter")
    until(lambda: texts(pane, tmp_path, "user") or None, "the prompt")
    assert texts(pane, tmp_path, "user") == [text]


def test_a_paste_into_its_dialog_is_lost_and_enter_approves(tmux: PrivateTmux, tmp_path: Path) -> None:
    pane = start(tmux, tmp_path)
    send(pane, "please SHELL `git push`")
    pane.sees("❯ 1. Yes")
    assert pane.title == "demo: waiting" and "  git push" in pane.screen
    send(pane, "another text")
    until(lambda: texts(pane, tmp_path, "turn_end") or None, "the end of the turn")
    assert texts(pane, tmp_path, "user") == ["please SHELL `git push`"]
    asked, ran = [entry for entry in entries(pane, tmp_path) if entry.kind == "tool"]
    assert (asked.data["input"], asked.id) == ({"command": "git push"}, ran.id)
    assert (ran.data["result"], ran.data["error"], ran.data["by"]) == (True, False, "user")


def test_calls_wait_side_by_side_and_their_dialogs_come_one_at_a_time(tmux: PrivateTmux, tmp_path: Path) -> None:
    pane = start(tmux, tmp_path)
    calls = [
        {"command": "late", "dialog": 0.6},
        {"command": "early  &&\nmore", "dialog": 0.1},
        {"command": "first", "dialog": 1.0, "front": True},
    ]
    send(pane, f"CALLS {json.dumps(calls)}")
    pane.sees("  early  &&")
    pane.sees("  first")  # it comes up in front of the one that stands there
    pane.keys("1")
    pane.sees("● Ran first")
    pane.sees("  early  &&")
    pane.keys("1")
    pane.sees("● Ran early  &&")
    pane.sees("  late")
    pane.sees("❯ 1. Yes")
    pane.keys("Escape")
    until(lambda: texts(pane, tmp_path, "aborted") or None, "the end of the turn")
    ends = [(e.text, e.data["by"]) for e in entries(pane, tmp_path) if e.kind == "tool" and e.data.get("result")]
    assert ends == [("first", "user"), ("early  &&\nmore", "user"), ("late", "user")]


@pytest.mark.parametrize(
    ("keys", "kind"), [(["Escape"], "aborted"), (["3"], "aborted"), (["Down", "Up", "Enter"], "turn_end")]
)
def test_its_dialog_is_answered_by_keys(tmux: PrivateTmux, tmp_path: Path, keys: list[str], kind: str) -> None:
    pane = start(tmux, tmp_path)
    send(pane, "please SHELL")
    pane.sees("❯ 1. Yes")
    pane.keys(*keys)
    until(
        lambda: any(entry.kind == kind for entry in entries(pane, tmp_path)) or None,
        lambda: f"{kind} on\n{pane.screen}",
    )
    until(lambda: pane.title == "demo: idle", "idle")
    assert "Allow this command?" not in pane.screen


def test_the_second_option_is_not_asked_again(tmux: PrivateTmux, tmp_path: Path) -> None:
    pane = start(tmux, tmp_path)
    send(pane, "please SHELL")
    pane.sees("❯ 1. Yes")
    pane.keys("2")
    until(lambda: len(texts(pane, tmp_path, "turn_end")) == 1, "the first turn")
    send(pane, "again SHELL")
    until(lambda: len(texts(pane, tmp_path, "turn_end")) == 2, "the second turn, without a question")
    assert "Allow this command?" not in pane.screen


def test_a_prompt_while_it_works_waits_in_the_queue(tmux: PrivateTmux, tmp_path: Path) -> None:
    pane = start(tmux, tmp_path)
    send(pane, "first WAIT60")
    pane.sees("esc to interrupt")
    assert pane.title == "demo: working"
    send(pane, "second")
    pane.sees("↳ queued: second")
    assert texts(pane, tmp_path, "queued") == ["second"] and texts(pane, tmp_path, "user") == ["first WAIT60"]
    pane.keys("Escape")
    until(lambda: texts(pane, tmp_path, "turn_end") or None, "the end of the second")
    assert texts(pane, tmp_path, "user") == ["first WAIT60", "second"]
    assert texts(pane, tmp_path, "aborted") == ["interrupted"]


def test_a_usage_limit_holds_until_its_time(tmux: PrivateTmux, tmp_path: Path) -> None:
    pane = start(tmux, tmp_path)
    send(pane, "LIMIT2 now")
    pane.sees("■ You've hit your demo limit · resets ")
    until(lambda: pane.title == "demo: limited", "limited")
    limit = next(entry for entry in entries(pane, tmp_path) if entry.kind == "limit")
    assert 0 < limit.data["resets_at"] - time.time() + 1 <= 3
    until(lambda: pane.title == "demo: idle", "idle again")


def test_a_crash_is_a_crash_and_the_conversation_comes_back(tmux: PrivateTmux, tmp_path: Path) -> None:
    pane = start(tmux, tmp_path)
    send(pane, "remember 4711")
    until(lambda: texts(pane, tmp_path, "turn_end") or None, "the end of the turn")
    conversation = DEMO.conversation(home=tmp_path, workdir=tmp_path, pid=pane.pid, known=None)
    assert conversation is not None
    send(pane, "CRASH")
    until(lambda: pane.title == ENDED + "exit 1", f"the keeper's word on how it ended: {pane.title}")
    assert "broke down" in pane.screen
    with conversation.path.open("a") as file:
        file.write('{"type": "user", "cut')
    again = start(tmux, tmp_path, resume=conversation.id)
    again.sees(">> remember 4711")
    send(again, "and now?")
    until(lambda: "and now?" in texts(again, tmp_path, "user"), "the next prompt in the same conversation")
    assert DEMO.conversation(home=tmp_path, workdir=tmp_path, pid=again.pid, known=None) == conversation


def test_commands_are_not_prompts(tmux: PrivateTmux, tmp_path: Path) -> None:
    pane = start(tmux, tmp_path)
    for text in ("!touch ran-a-shell", "/nosuch", "/help"):
        send(pane, text)
    pane.sees("obey")
    assert "Unknown command /nosuch" in pane.history
    assert texts(pane, tmp_path, "user") == [] and not (tmp_path / "ran-a-shell").exists()
    text, *keys = DEMO.quit()
    pane.type(text)
    pane.keys(*keys)
    until(lambda: pane.title == ENDED + "exit 0", f"its end: {pane.title}")


def test_a_draft_is_cleared_by_keys(tmux: PrivateTmux, tmp_path: Path) -> None:
    pane = start(tmux, tmp_path)
    pane.paste("one\ntwo\nthree")
    pane.sees("  three")
    pane.keys("C-u", "BSpace", "C-u", "BSpace", "C-u", "BSpace")
    pane.sees("> Type a task")
    assert "one" not in pane.screen


def rules(pane: Pane) -> list[str]:
    return [line for line in pane.screen.split("\n") if line and set(line) == {"─"}]


def resize(pane: Pane, columns: int, rows: int) -> None:
    pane.server.run("resize-window", "-t", pane.id, "-x", str(columns), "-y", str(rows))


def fits_any_width(pane: Pane, count: int) -> None:
    """Whether its block, which has so many rules, is alone on the screen at each width. What tmux has pushed off the
    screen is beyond reach."""
    for columns in (34, 12, 60, 20, 80):
        resize(pane, columns, 24)
        until(lambda c=columns: rules(pane) == ["─" * c] * count or None, lambda: f"{count} rules on\n{pane.screen}")  # type: ignore[misc]


def test_another_width_leaves_no_litter(tmux: PrivateTmux, tmp_path: Path) -> None:
    """Of what stands still: tmux wraps the lines up to 250 ms before it tells the program, and what is drawn in between
    lands where no program could know."""
    pane = start(tmux, tmp_path)
    prompt = "please SHELL in a prompt that is longer than narrow terminals"
    pane.paste(prompt)
    pane.sees(prompt)
    fits_any_width(pane, 2)
    pane.keys("Enter")
    pane.sees("Esc to cancel")
    fits_any_width(pane, 1)
    pane.keys("Enter")
    until(lambda: texts(pane, tmp_path, "turn_end") or None, "the end of the turn")
    until(lambda: "Working (" not in pane.screen, "its last frame")
    fits_any_width(pane, 2)
    assert pane.history.count("I took it") == pane.history.count("? for help") == 1
    assert "Working (" not in pane.history


def test_it_works_on_at_any_size(tmux: PrivateTmux, tmp_path: Path) -> None:
    pane = start(tmux, tmp_path, seconds=1.5)
    send(pane, "a prompt of some words that is longer than narrow terminals are wide")
    for size in ((34, 12), (12, 6), (200, 50), (20, 4), (80, 24)):
        resize(pane, *size)
        until(
            lambda columns=size[0]: "─" * columns in rules(pane) or None,
            lambda columns=size[0]: f"a rule of {columns} on\n{pane.screen}",
        )  # type: ignore[misc]
    until(lambda: texts(pane, tmp_path, "turn_end") or None, "the end of the turn")
    pane.paste("and the next")
    pane.sees("> and the next")
    assert pane.title == "demo: idle"


def test_two_agents_in_one_home_have_two_conversations(tmux: PrivateTmux, tmp_path: Path) -> None:
    first, second = start(tmux, tmp_path), start(tmux, tmp_path)
    send(first, "I am the first")
    send(second, "I am the second")
    until(lambda: texts(first, tmp_path, "user") and texts(second, tmp_path, "user"), "both")
    assert texts(first, tmp_path, "user") == ["I am the first"]
    assert texts(second, tmp_path, "user") == ["I am the second"]


def test_it_is_up_at_once_under_its_own_name(tmux: PrivateTmux, tmp_path: Path) -> None:
    pane = start(tmux, tmp_path)
    assert [one for one in foreground(scan(), pane.pid) if one.comm in DEMO.process_names]
    lines: list[Any] = [json.loads(line) for line in next((tmp_path / "sessions").iterdir()).read_text().splitlines()]
    assert [line["type"] for line in lines] == ["session"]
