"""Parsing, and the table of rights: every handler names what it needs, and the table knows it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC

import pytest
from aiogram.filters import CommandObject
from aiogram.types import Message
from aiogram.utils.formatting import Text

from bot.errors import NotFound, Refused, WrongUsage
from bot.telegram.access import ROLES, Role, command_of
from bot.telegram.people import Person
from bot.telegram.text import render
from handlers import agents, broadcast, deliveries, draft, health, life, packs, people, wording
from handlers.broadcast import Wanted, parse
from handlers.cards.draft import item_page
from handlers.commands import WhichAgent, one_agent, one_or_all
from handlers.rights import LOOKS, NotAllowed, may
from handlers.screens import lines_and_form
from handlers.wording import in_chat
from tests.unit.test_report import draft as draft_of
from tests.unit.test_report import item

MODULES = (people, broadcast, draft, deliveries, agents, packs, health)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("", Wanted()),
        ("auto", Wanted(auto=True)),
        ("auto idle", Wanted(auto=True, idle=True)),
        ("idle", Wanted(idle=True)),
        ("only w1,w2", Wanted(only=("w1", "w2"))),
        ("only w1, w2  ,w1", Wanted(only=("w1", "w2"))),
        ("auto only w2", Wanted(auto=True, only=("w2",))),
        ("only w2 auto", Wanted(auto=True, only=("w2",))),
        ("ONLY w2 Auto", Wanted(auto=True, only=("w2",))),
    ],
)
def test_what_stands_behind_the_command(words: str, wanted: Wanted) -> None:
    assert parse(words) == wanted


@pytest.mark.parametrize("words", ["now", "only", "auto everything", "idle please"])
def test_a_word_that_is_not_known_sends_nothing(words: str) -> None:
    with pytest.raises(WrongUsage):
        parse(words)


def after(words: str) -> CommandObject:
    return CommandObject(command="stop", args=words or None)


def test_the_agent_behind_a_command() -> None:
    assert one_agent(after(" w1 ")) == "w1"
    assert [one_or_all(after(words)) for words in ("w1", "all", "ALL")] == ["w1", None, None]
    with pytest.raises(WhichAgent):
        one_or_all(after(""))


@pytest.mark.parametrize(
    ("parse_it", "words", "said"),
    [
        (one_agent, "", "Which agent?"),
        (one_agent, "w1 w2", "I do not know “w2” here. Nothing was done."),
        (one_or_all, "w1 w2", "I do not know “w2” here. Nothing was done."),
        (one_or_all, "all w2", "I do not know “w2” here. Nothing was done."),
        (
            lambda command: packs.parse(command.args or ""),
            "use release now",
            "I do not know “now” here. Nothing was done.",
        ),
        (lambda command: packs.parse(command.args or ""), "list all", "I do not know “all” here. Nothing was done."),
    ],
)
def test_a_word_too_many_is_not_passed_over(parse_it: Callable[[CommandObject], object], words: str, said: str) -> None:
    with pytest.raises(WrongUsage) as refused:
        parse_it(after(words))
    assert refused.value.message == said
    assert "/" in refused.value.hint


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ([], (0, "text")),
        (["40"], (40, "text")),
        (["picture"], (0, "picture")),
        (["PNG", "40"], (40, "picture")),
        (["2000", "image"], (2000, "picture")),
    ],
)
def test_what_of_a_screen_is_shown(words: list[str], shown: tuple[int, str]) -> None:
    assert lines_and_form(words) == shown


@pytest.mark.parametrize("words", [["many"], ["-5"], ["20", "30"], ["picture", "png"], ["2001"], ["9" * 4000]])
def test_a_screen_that_cannot_be_shown_so(words: list[str]) -> None:
    with pytest.raises(WrongUsage):
        lines_and_form(words)


def test_a_name_that_is_repeated_stays_short_and_turns_no_text() -> None:
    name = "\u202e" + "A" * 4000 + "\x1b"
    with pytest.raises(WrongUsage) as refused:
        parse(name)
    assert refused.value.message == f"I do not know “⟨U+202E⟩{'A' * 51}…” here. Nothing was done."
    assert NotFound.of("agent", name, ["w1"]).message == f"No agent named ⟨U+202E⟩{'A' * 51}…."
    assert NotFound.of("agent", "w\u202e2", ["w1"]).message == "No agent named w⟨U+202E⟩2."


def test_every_handler_names_what_it_needs_and_the_table_knows_it() -> None:
    handlers = [
        handler
        for module in MODULES
        for observer in (module.router().message, module.router().callback_query)
        for handler in observer.handlers
    ]
    assert len(handlers) > 30
    assert [h.callback.__name__ for h in handlers if h.flags.get("needs") not in ROLES] == []


def test_what_needs_no_audit_row_changes_nothing_and_is_a_viewer_s() -> None:
    assert all(ROLES[what] <= Role.VIEWER for what in LOOKS - {"capture", "watch"})
    assert not {"draft.send", "send", "broadcast-apply", "pair"} & LOOKS


def test_a_refusal_names_the_role_and_who_has_it() -> None:
    vera, olga = Person(1, "Vera", Role.VIEWER), Person(2, "Olga", Role.OWNER)
    with pytest.raises(NotAllowed, match=r"^Only a supervisor may send\. Ask Olga to approve\.$"):
        may(vera, "draft.send", [vera, olga])
    may(olga, "draft.send", [vera, olga])


def test_to_look_at_a_screen_nobody_s_approval_is_asked() -> None:
    vera, olga = Person(1, "Vera", Role.VIEWER), Person(2, "Olga", Role.OWNER)
    with pytest.raises(NotAllowed, match=r"^Only an operator may do this\. Ask Olga\.$"):
        may(vera, "capture", [vera, olga])


def test_a_reply_counts_for_the_page_that_the_person_saw() -> None:
    two = draft_of(item("w1", "drafted"), item("w2", "drafted"), status="pending")
    chat = {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}}
    seen = {**chat, "text": render(item_page(two, 0, UTC).content).text}
    reply = Message.model_validate({**chat, "text": "Do it otherwise.", "reply_to_message": seen})
    assert draft.on_page(two, 0, reply) == "w1"
    with pytest.raises(Refused, match="That page was turned"):
        draft.on_page(two, 1, reply)


@pytest.mark.parametrize(
    ("terminal", "chat"),
    [
        ("Start it: maf agent start w1", "Start it: /restart w1"),
        ("Move or stop them first: maf agent stop api-2", "Move or stop them first: /stop api-2"),
        ("Make one: maf broadcast draft", "Make one: /broadcast_targeted"),
        ("Its details: maf logs tail error", "Its details: /logs error"),
        ("Edit it, then: maf pack use shop", "Edit it, then: /broadcast_pack shop"),
        ("maf task claim --agent w1 --rotate", "/claim w1 rotate"),
        ("Is it the right file?", "Is it the right file?"),
        ("maf pair --role owner", "maf pair --role owner"),  # only the terminal can
    ],
)
def test_hints_name_what_the_chat_has(terminal: str, chat: str) -> None:
    assert in_chat(terminal) == chat


def test_what_a_hint_has_in_backticks_is_code_that_names_nobody() -> None:
    hint = "Install it with `npm install -g @some/cli`, then start `cli` once."
    text, entities = wording.told(Refused("It is not here.", hint=hint)).render()
    assert text == "It is not here.\nInstall it with npm install -g @some/cli, then start cli once."
    assert [e.extract_from(text) for e in entities] == ["npm install -g @some/cli", "cli"]
    assert {e.type for e in entities} == {"code"}


@pytest.mark.parametrize("hint", ["", "One ` alone.", "Nothing in `` them."])
def test_a_hint_loses_nothing_where_backticks_mean_no_code(hint: str) -> None:
    text, entities = wording.told(Refused("No.", hint=hint)).render()
    assert text == f"No.\n{hint}".strip()
    assert entities == []


def test_hints_of_the_chat_name_commands_that_there_are() -> None:
    for _, chat in wording._IN_CHAT:
        assert command_of(chat.split()[0]) is not None, chat


def refusal(call: Callable[[], object]) -> Text:
    with pytest.raises(WrongUsage) as error:
        call()
    return wording.told(error.value)


@pytest.mark.parametrize(
    ("said", "whole"),
    [
        (lambda: life.back("w1"), "/thaw w1"),
        (lambda: refusal(lambda: one_or_all(CommandObject(command="freeze", args="w1 w2"))), "/freeze w1"),
        (lambda: refusal(lambda: parse("only")), "/broadcast_targeted only w1,w2"),
        (lambda: refusal(lambda: parse("w1")), "/broadcast_targeted [auto] [idle | only w1,w2]"),
    ],
)
def test_a_touch_never_sends_a_command_to_all_that_was_written_for_one(said: Callable[[], Text], whole: str) -> None:
    """An app sends the command alone, without the words after it."""
    piece = render(said())
    codes = [piece.text[e.offset : e.offset + e.length] for e in piece.entities if e.type == "code"]
    assert whole in codes
