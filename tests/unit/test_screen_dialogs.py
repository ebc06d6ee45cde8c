"""Dialogs on captured screens: what they ask, which choices they have, and that a fingerprint tells them apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clis.dialogs import fingerprint
from bot.clis.model import Dialog
from bot.clis.screens import read_text
from tests.unit.captured import capture


def dialog(name: str) -> Dialog:
    shown = capture(name)
    found = read_text(shown.kind, shown.ansi, shown.title).dialog
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "kind", "title", "command", "labels", "selected"),
    [
        (
            "codex-80x24-approval",
            "permission",
            "Would you like to run the following command?",
            "touch /srv1/approval-test-file",
            [
                "Yes, proceed",
                "Yes, and don't ask again for commands that start with `touch /srv1/ approval-test-file`",
                "No, and tell Codex what to do differently",
            ],
            "Yes, proceed",
        ),
        (
            "claude-80x24-approval",
            "permission",
            "Bash command",
            "touch /srv1/approval-test-claude",
            [
                "Yes",
                "Yes, and always allow access to /srv1 from this project",
                "Yes, and switch to auto mode · auto mode handles these prompts for you",
                "No",
            ],
            "Yes",
        ),
        (
            "codex-hooks-review",
            "hooks",
            "Hooks need review",
            "",
            ["Review hooks", "Trust all and continue", "Continue without trusting (hooks won't run)"],
            "Review hooks",
        ),
        (
            "codex-login",
            "login",
            "Welcome to Codex, OpenAI's command-line coding agent",
            "",
            ["Sign in with ChatGPT", "Sign in with Device Code", "Sign in another way"],
            "Sign in with ChatGPT",
        ),
        (
            "codex-folder-access",
            "trust",
            "Folder access",
            "",
            ["Trust and continue", "Back to Agent Command Center"],
            "Trust and continue",
        ),
        (
            "codex-update-menu",
            "update",
            "Update available · 0.169.0 → 0.999.0",
            "",
            ["Update now (runs `npm install -g @openai/codex`)", "Skip", "Skip until next version"],
            "Update now (runs `npm install -g @openai/codex`)",
        ),
        ("claude-trust", "trust", "Accessing workspace:", "", ["No, exit", "Yes, I trust this folder"], "No, exit"),
        (
            "claude-03-apikey-dialog",
            "apikey",
            "Detected a custom API key in your environment",
            "",
            ["Yes", "No (recommended)"],
            "No (recommended)",
        ),
        (
            "codex-new-menu",
            "other",
            "Where should the new conversation run?",
            "",
            ["Use current Git worktree", "Create new Git worktree"],
            "Use current Git worktree",
        ),
        (
            "claude-model-menu",
            "other",
            "Select model",
            "",
            ["Default (recommended) ✔", "Sonnet", "Fable", "Opus", "Haiku"],
            "Default (recommended) ✔",
        ),
        (
            "claude-create-file",
            "permission",
            "Create file",
            "1 hello\n2 world",
            [
                "Yes",
                "Yes, and switch to accept edits (auto-approve file edits and common file commands) for this session",
                "No",
            ],
            "Yes",
        ),
        (
            "claude-question",
            "question",
            "☐ Store",
            "",
            ["Redis", "SQLite", "Type something.", "Chat about this"],
            "Redis",
        ),
        (
            "claude-plan",
            "permission",
            "Ready to code?",
            "Cart totals\n\n1. Read cart.py\n2. Fix the rounding\n3. Add a test\n\nWhy\n\nTotals are wrong on mobile.",
            ["Yes, and use auto mode", "Yes, manually approve edits", "Tell Claude what to change"],
            "Yes, and use auto mode",
        ),
        (
            "claude-plan-long",
            "permission",
            "Ready to code?",
            "Cart totals\n\n" + "".join(f"{n}. Step number {n} of the plan\n" for n in range(1, 17)) + "…",
            ["Yes, and use auto mode", "Yes, manually approve edits", "Tell Claude what to change"],
            "Yes, and use auto mode",
        ),
        (
            "claude-plan-none",
            "permission",
            "Exit plan mode?",
            "",
            ["Yes, and switch to default (ask each time) for this session", "No"],
            "Yes, and switch to default (ask each time) for this session",
        ),
        (
            "claude-fetch",
            "permission",
            "Fetch",
            "url: https://example.com/page\nprompt: what is there",
            ["Yes", "Yes, and don't ask again for example.com", "No, and tell Claude what to do differently"],
            "Yes",
        ),
        (
            "claude-bypass",
            "other",
            "WARNING: Claude Code running in Bypass Permissions mode",
            "",
            ["No, exit", "Yes, I accept"],
            "No, exit",
        ),
        (
            "claude-several",
            "question",
            "←  ☐ Parts  ✔ Submit  →",
            "",
            ["[ ] Cart", "[ ] Index", "[ ] Login", "[ ] Type something Submit", "Chat about this"],
            "[ ] Cart",
        ),
        (
            "claude-review",
            "question",
            "←  ☒ Store  ☒ Parts  ✔ Submit  →",
            "",
            ["Submit answers", "Cancel"],
            "Submit answers",
        ),
        (
            "codex-edits",
            "permission",
            "Would you like to make the following edits?",
            "",
            ["Yes, proceed", "Yes, and don't ask again for these files", "No, and tell Codex what to do differently"],
            "Yes, proceed",
        ),
        (
            "codex-implement",
            "question",
            "Implement this plan?",
            "",
            ["Yes, implement this plan", "Yes, clear context and implement", "No, stay in Plan mode"],
            "Yes, implement this plan",
        ),
        (
            "demo-approval",
            "permission",
            "Allow this command?",
            "touch notes.txt",
            ["Yes", "Yes, and don't ask again", "No"],
            "Yes",
        ),
    ],
)
def test_dialog(name: str, kind: str, title: str, command: str, labels: list[str], selected: str) -> None:
    found = dialog(name)
    assert (found.kind, found.title, found.command) == (kind, title, command)
    assert [option.label for option in found.options] == labels
    assert found.selected is not None
    assert found.selected.label == selected


def test_a_diff_that_is_not_drawn_yet_is_told_from_one_that_is() -> None:
    """Claude Code 2.1.328 draws its edit dialog with `…` in place of the diff first."""
    drawn = capture("claude-create-file").ansi
    lines = drawn.split("\n")
    edges = [n for n, line in enumerate(lines) if "╌╌╌" in line]
    loading = read_text("claude", "\n".join([*lines[: edges[0] + 1], " …", *lines[edges[1] :]])).dialog
    assert loading is not None
    assert not loading.whole
    assert dialog("claude-create-file").whole


def test_a_plan_is_the_same_however_much_of_it_is_seen() -> None:
    """Its first draw lacks the mark that there is more; and a terminal of another height shows another part of it."""
    screen, long = capture("claude-plan-long").ansi, dialog("claude-plan-long")
    lines = screen.split("\n")
    last = next(n for n, line in enumerate(lines) if "↓" in line)
    for other in ([line.replace("↓", " ") for line in lines], [*lines[: last - 4], *lines[last:]]):
        found = read_text("claude", "\n".join(other)).dialog
        assert found is not None
        assert (found.fingerprint, found.kind, found.title) == (long.fingerprint, "permission", "Ready to code?")
        assert found.command.endswith("\n…")
    changed = read_text("claude", screen.replace("Step number 2 ", "Another step ")).dialog
    assert changed is not None
    assert changed.fingerprint != long.fingerprint


def test_numbers_that_are_no_keys_are_not_offered_as_keys() -> None:
    """Codex 0.169.0 takes a digit for a choice everywhere but where it asks for trust in a folder."""
    assert [option.key for option in dialog("codex-folder-access").options] == ["", ""]
    assert [option.key for option in dialog("codex-hooks-review").options] == ["1", "2", "3"]


@pytest.mark.parametrize("kind", ["codex", "claude"])
def test_fingerprint_does_not_depend_on_the_width(kind: str) -> None:
    assert dialog(f"{kind}-80x24-approval").fingerprint == dialog(f"{kind}-200x50-approval").fingerprint


def test_fingerprint_does_not_depend_on_the_marked_choice() -> None:
    first, second = dialog("claude-trust"), dialog("claude-trust-yes")
    assert first.selected != second.selected
    assert first.fingerprint == second.fingerprint


def test_a_question_broken_by_a_narrow_terminal_is_the_same_question() -> None:
    """A phone that attaches, or leaves, must not turn an open card into another one."""
    narrow = dialog("codex-40x39-approval")
    assert (narrow.kind, narrow.title) == ("permission", "Would you like to run the following command?")
    reason = "Reason: mock wants to create a file outside the workspace"
    detail = f"Environment: local\n\n{reason}\n\n$ touch ../approval-test-file"
    labels = (
        "Yes, proceed",
        "Yes, and don't ask again for commands that start with `touch ../approval-test-file`",
        "No, and tell Codex what to do differently",
    )
    assert narrow.fingerprint == fingerprint(narrow.title, detail, labels)


def test_a_dialog_is_known_where_its_telling_words_are_broken() -> None:
    screen = """> You are in /srv/shop

  Do you trust the contents of this
  directory? Working with untrusted
  contents comes with higher risk.

› 1. Yes, continue
  2. No, quit

  Press enter to continue
"""
    found = read_text("codex", screen, "").dialog
    assert found is not None
    assert found.kind == "trust"


def test_fingerprint_changes_with_the_command() -> None:
    for name in ("codex-80x24-approval", "claude-80x24-approval"):
        shown = capture(name)
        other = read_text(shown.kind, shown.ansi.replace("approval-test", "another-test"), shown.title).dialog
        assert other is not None
        assert other.fingerprint != dialog(name).fingerprint


@given(st.text(), st.text(), st.lists(st.text()))
def test_fingerprint_ignores_white_space_only(title: str, detail: str, labels: list[str]) -> None:
    once = fingerprint(title, detail, tuple(labels))
    assert once == fingerprint(f" {title}\n", detail.replace(" ", "\n"), tuple(labels))
    assert once != fingerprint(title, detail + "x", tuple(labels))
    assert len(once) == 12


def test_a_long_command_that_hides_the_question_is_still_a_dialog() -> None:
    command = "\n".join(f"  echo line {n}" for n in range(30))
    choices = "\x1b[1;7m› 1. Yes, proceed (y)\x1b[0m\n  2. No (esc)\n\n  Press enter to confirm or esc to cancel"
    screen = f"{command}\n\n{choices}"
    reading = read_text("codex", screen, "")
    assert str(reading.state) == "waiting"
    assert reading.dialog is not None
    assert [option.label for option in reading.dialog.options] == ["Yes, proceed", "No"]


@pytest.mark.parametrize(
    "text",
    ["1. Yes\n  2. No", "1. do this\n  2. do that\n\n  Press enter to confirm or esc to cancel"],
)
def test_a_list_in_a_codex_draft_is_no_dialog(text: str) -> None:
    screen = f"\x1b[1m›\x1b[0m {text}\n\n  gpt-5.2 · /home/dev\n  ? for shortcuts"
    reading = read_text("codex", screen, "proj")
    assert (str(reading.state), reading.composer.kind) == ("composing", "draft")
    assert reading.dialog is None


def test_a_list_in_claude_prose_is_no_dialog() -> None:
    rule = "─" * 80
    prose = "● Do you want to proceed?\n  ❯ 1. Yes\n    2. No\n\n  Esc to cancel"
    screen = f"❯ work\n\n{prose}\n\n{rule}\n❯\u00a0\n{rule}\n  ⏸ manual mode on"
    assert read_text("claude", screen).dialog is None


def test_a_conversation_open_elsewhere_waits_for_a_person() -> None:
    shown = capture("codex-open-elsewhere")
    reading = read_text("codex", shown.ansi, shown.title)
    assert (str(reading.state), reading.composer.kind) == ("waiting", "absent")
    assert reading.dialog is not None
    assert reading.dialog.options == ()
    assert "open in another app" in reading.dialog.title


@given(st.text(alphabet="›❯>─╌1234. \nabY\x1b[0m72;⏸●•■\u00a0", max_size=400))
def test_no_screen_breaks_the_reading(ansi: str) -> None:
    for kind in ("codex", "claude", "demo"):
        reading = read_text(kind, ansi, "proj")
        assert reading.rule
        assert (reading.dialog is None) or reading.composer.kind == "absent"
