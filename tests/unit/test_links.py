"""What a touch in a message may send: our own commands, and nothing that came from outside."""

from __future__ import annotations

from typing import Any, cast

import pytest
from aiogram.types import MessageEntity
from aiogram.utils.formatting import Bold, Code, ExpandableBlockQuote, Pre, Text
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.entities import with_found
from bot.telegram.card import text_card, text_data
from bot.telegram.links import tappable
from bot.telegram.text import Piece, render, units


def links(piece: Piece) -> list[str]:
    """What an app lets one touch in a message, by the rules of the server."""
    given = [entity.model_dump(mode="json", exclude_none=True) for entity in piece.entities]
    found = with_found(piece.text, cast(Any, given))
    return [MessageEntity(**e).extract_from(piece.text) for e in found if e["type"] in {"bot_command", "mention"}]


@pytest.mark.parametrize(
    "outside",
    [
        "/freeze",
        "Cart: /broadcast_apply now",
        "first line\n/stop@maf_bot w1",
        "ask @bob or @ann_2",
        "🧪 /thaw",
        "(/freeze) /freeze. /freeze, \"/freeze\" '/freeze'",
        "näher/freeze /Freeze",
    ],
)
@pytest.mark.parametrize("kind", [Text, Bold, ExpandableBlockQuote, Code, Pre])
def test_nothing_from_outside_can_be_touched(outside: str, kind: type[Text]) -> None:
    piece = render(Text("shop-41 ", kind(outside), " end"))
    assert links(piece) == []
    assert piece.text == f"shop-41 {outside} end"  # what is copied is what it was


@pytest.mark.parametrize("path", ["see /srv/app and apps/site/**", "a@b.org", "1/2", "</b>", "https://x.org/freeze"])
def test_what_is_no_link_stays_as_it_is(path: str) -> None:
    assert render(Text(path)).entities == []


def test_our_own_commands_can_be_touched() -> None:
    piece = render(Text("Look at “/freeze”. ", tappable("All: /help, or /send w1 TEXT")))
    assert links(piece) == ["/help", "/send"]
    # The server finds them by itself; from a bot it takes no such entity.
    assert {entity.type for entity in piece.entities} == {"code"}


async def test_a_plain_answer_keeps_what_can_be_touched() -> None:
    data = text_data(Text("Not /this. ", tappable("But /help")))
    assert links(render((await text_card(data, cast(Any, None))).content)) == ["/help"]


@given(st.text(st.sampled_from("/@aZ_9 \n<>.é🙂(")))
def test_no_text_at_all_can_be_touched(outside: str) -> None:
    piece = render(Text(outside))
    assert links(piece) == []
    for entity in piece.entities:
        assert 0 <= entity.offset < entity.offset + entity.length <= units(piece.text)
