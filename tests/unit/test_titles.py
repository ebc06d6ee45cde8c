"""The marks in a pane title, told from conversations and folders that are called like a mark."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.agents.permissions.question import choices_of
from bot.agents.state.explain import explain
from bot.clis.screens import read_text
from bot.clis.titles import title_mark
from tests.unit.captured import capture

SPIN, ASKS = "⠹", "[ ! ] Action Required"
MARKS = ["", SPIN, ASKS]
IMITATIONS = [
    "⠼ Fix the cart",
    "[ ! ] Action Required",
    "[ . ] Action Required | shop",
    "tab to queue message",
    "Working (3s • esc to interrupt)",
    "■ You’ve hit your usage limit.",
    "› 1. Yes, proceed (y)",
    "Press enter to confirm or esc to cancel",
    "Would you like to run the following command?",
    "plain words",
]


def title_of(mark: str, conversation: str, folder: str) -> str:
    """As Codex 0.171.0 writes it."""
    cut = conversation if len(conversation) <= 48 else conversation[:45] + "..."
    names = f"{cut} | {folder}" if cut else folder
    return {"": names, SPIN: f"{SPIN} {names}", ASKS: f"{ASKS} | {names}"}[mark]


def screen_of(conversation: str, folder: str, *, width: int, draft: str = "") -> str:
    """An idle screen of Codex 0.171.0: composer, status line, hints."""
    line = f"gpt-5.2-codex default · ~/{folder} · {conversation}"
    footer = textwrap.fill(line, width - 4, initial_indent="  ", subsequent_indent="  ")
    composer = f"\x1b[1m›\x1b[0m {draft or chr(27) + '[2mAsk Codex to do anything' + chr(27) + '[0m'}"
    hints = "" if draft else "\n  ← for agents · ? for shortcuts"
    return f"• Done.\n\n\n{composer}\n\n{footer}{hints}\n"


@given(
    mark=st.sampled_from(MARKS),
    conversation=st.one_of(
        st.sampled_from(IMITATIONS), st.text(st.characters(codec="ascii", exclude_categories=["C"]))
    ),
    folder=st.sampled_from(["shop", "⠼ shop", "[ ! ] Action Required"]),
)
def test_what_is_left_of_a_title_is_its_mark(mark: str, conversation: str, folder: str) -> None:
    conversation = " ".join(conversation.split())
    footer = f"gpt-5.2-codex default · ~/{folder} · {conversation}"
    if len(conversation) < 2:
        return  # any footer holds one letter
    assert title_mark(title_of(mark, conversation, folder), footer) == mark


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("name", IMITATIONS)
def test_a_conversation_called_like_a_mark_changes_no_state(name: str, width: int) -> None:
    idle, draft = screen_of(name, "shop", width=width), screen_of(name, "shop", width=width, draft="half a thought")
    assert explain("codex", idle, title_of("", name, "shop"))["state"] == "idle"
    assert explain("codex", draft, title_of("", name, "shop"))["state"] == "composing"
    assert explain("codex", idle, title_of(SPIN, name, "shop"))["state"] == "working"
    assert explain("codex", idle, title_of(ASKS, name, "shop"))["state"] == "waiting"


def test_a_title_whose_names_are_unknown_is_its_own_mark() -> None:
    assert title_mark("⠹ shop", "") == "⠹ shop"
    assert title_mark("", "gpt · ~/shop") == ""


@pytest.mark.parametrize("size", ["80x24", "120x36", "200x50"])
def test_the_offer_of_auto_mode_is_a_dialog_with_two_choices(size: str) -> None:
    shown = capture(f"claude-2.1.332-{size}-nudge")
    dialog = read_text("claude", shown.ansi, shown.title).dialog
    assert dialog is not None
    choices = [(choice.label, choice.grant, choice.key) for choice in choices_of(dialog)]
    assert choices == [
        ("Yes, set auto mode as my default permission mode", "lasting", ""),
        ("No, keep manual mode", "no", ""),
    ]


@pytest.mark.parametrize("width", [46, 52, 60])
def test_a_choice_without_digits_that_wraps_is_one_choice(width: int) -> None:
    """As Claude Code 2.1.332 draws it at 46 columns: the rest of a label stands in the column of the labels."""
    room = width - 5 - 2
    rows = textwrap.wrap("Yes, set auto mode as my default permission mode", room)
    first, rest = rows[0], "".join(f"   {row}\n" for row in rows[1:])
    screen = (
        f"{'─' * width}\n Make auto mode your default permission mode?\n\n ❯ {first}\n{rest}   No, keep manual mode\n"
    )
    dialog = read_text("claude", screen).dialog
    assert dialog is not None
    assert [option.label for option in dialog.options] == [" ".join(rows), "No, keep manual mode"]


def test_the_same_words_in_a_text_are_no_dialog() -> None:
    screen = f"● Make auto mode your default permission mode?\n\n  ❯ Yes\n    No\n\n{'─' * 60}\n❯\u00a0\n{'─' * 60}\n"
    assert read_text("claude", screen).dialog is None
