"""Questions that no capture of ours holds: each is `waiting`, found by its build and not by its title."""

from __future__ import annotations

import pytest

from bot.agents.permissions.question import choices_of
from bot.agents.state.explain import explain
from bot.clis.model import Dialog
from bot.clis.screens import read_text
from bot.clis.sgr import plain
from tests.unit.asked import ALL, CONFIRM, EDIT_FILE, RESUME, RULE, SETTINGS, SUBMIT, TYPED, claude
from tests.unit.captured import capture


def dialog(kind: str, screen: str) -> Dialog:
    found = read_text(kind, screen).dialog
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("cli", "screen", "kind", "marked", "count"),
    [one[:1] + one[2:] for one in ALL],
    ids=[f"{one[0]}-{one[1]}" for one in ALL],
)
def test_it_waits_for_a_person(cli: str, screen: str, kind: str, marked: str, count: int) -> None:
    found = dialog(cli, screen)
    assert (found.kind, len(found.options)) == (kind, count), found
    assert found.selected is not None and found.selected.label == marked
    for title in ("", "proj", "✳ Claude Code"):
        assert explain(cli, screen, title)["state"] == "waiting"


# Without its colours and without a line that closes it, a list of choices is a draft to the letter.
PLAIN = [one for one in ALL if one[1] != "network, keys not bound"]


@pytest.mark.parametrize(
    ("cli", "screen"), [(one[0], one[2]) for one in PLAIN], ids=[f"{one[0]}-{one[1]}" for one in PLAIN]
)
def test_it_waits_without_colours_too(cli: str, screen: str) -> None:
    assert str(read_text(cli, plain(screen)).state) == "waiting"


@pytest.mark.parametrize(("cli", "screen"), [("codex", TYPED), ("claude", SUBMIT)])
def test_a_question_without_marked_choices_waits_too(cli: str, screen: str) -> None:
    reading = read_text(cli, screen)
    assert str(reading.state) == "waiting"
    assert reading.dialog is not None and reading.dialog.options == ()


def test_a_list_in_a_prompt_of_the_past_is_no_choice() -> None:
    """Under the last rule stands a menu whose chosen row is not marked; above it somebody once sent a list."""
    screen = f"\x1b[48;5;237m❯ 1. Yes\x1b[49m\n  2. No\n{RULE}\n Nothing is marked here\n\n Esc to cancel"
    assert dialog("claude", screen).options == ()


def test_what_is_granted_for_good_needs_an_owner_whatever_the_dialog_is_called() -> None:
    """Trust in a folder is answered by what an owner said of that folder; nothing else may pass for it."""
    for screen in (capture("claude-bypass").ansi, claude(SETTINGS, footer=CONFIRM)):
        found = dialog("claude", screen)
        assert found.kind != "trust"
        yes = next(choice for choice in choices_of(found) if choice.label.startswith("Yes"))
        assert yes.grant == "lasting"


def test_how_a_conversation_is_resumed_grants_nothing() -> None:
    choices = choices_of(dialog("claude", claude(RESUME, footer=CONFIRM)))
    assert [choice.grant for choice in choices] == ["choice", "choice", "lasting"]


def test_a_command_cannot_pass_for_a_question_of_the_model() -> None:
    """What is asked for a permission has its risk named; a question of the model has none."""
    screen = claude(EDIT_FILE.replace(" 1 +new", " Chat about this"))
    assert dialog("claude", screen).kind == "permission"
