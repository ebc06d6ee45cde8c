"""Splitting long messages: nothing is lost, nothing is cut that should stay whole."""

from __future__ import annotations

import pytest
from aiogram.types import MessageEntity
from aiogram.utils.formatting import Bold, Code, Pre, Text
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.telegram.text import MAX_ENTITIES, MAX_TEXT, Piece, render, shorten, split, units

WORDS = st.text(st.sampled_from("ab \n\t🙂é👩‍💻ñ中"), max_size=120)
CONTENT = st.lists(st.tuples(st.sampled_from([Text, Bold, Code, Pre]), WORDS), max_size=12).map(
    lambda parts: Text(*[kind(text) for kind, text in parts])
)


def covered(text: str, entity: MessageEntity) -> str:
    raw = text.encode("utf-16-le")
    return raw[entity.offset * 2 : (entity.offset + entity.length) * 2].decode("utf-16-le")


@settings(max_examples=150, deadline=None)
@given(CONTENT, st.integers(min_value=20, max_value=200))
def test_pieces_fit_and_lose_nothing(content: Text, limit: int) -> None:
    whole = render(content)
    pieces = split(content, limit)
    assert all(units(piece.text) <= limit and piece.text.strip() for piece in pieces)
    assert all(len(piece.entities) <= MAX_ENTITIES for piece in pieces)
    # Only pieces of white space alone may be left out.
    assert "".join("".join(p.text for p in pieces).split()) == "".join(whole.text.split())


@settings(max_examples=150, deadline=None)
@given(CONTENT, st.integers(min_value=20, max_value=200))
def test_entities_cover_the_same_text_and_are_whole_where_they_fit(content: Text, limit: int) -> None:
    whole = render(content)
    short = [(e.type, covered(whole.text, e)) for e in whole.entities if e.length <= limit]
    held = [(e.type, covered(piece.text, e)) for piece in split(content, limit) for e in piece.entities]
    for kind, text in short:
        if text.strip():
            assert (kind, text) in held
    for piece in split(content, limit):
        for entity in piece.entities:
            assert covered(piece.text, entity)  # would raise on half a surrogate pair


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=400), st.integers(min_value=2, max_value=60))
def test_any_text_at_all_can_be_split(text: str, limit: int) -> None:
    pieces = split(Text(text), limit)
    assert all(units(piece.text) <= limit for piece in pieces)


def test_cuts_after_a_line_where_it_can() -> None:
    lines = "".join(f"line {n}\n" for n in range(1000))
    pieces = split(Text(lines))
    assert len(pieces) == 3 and all(p.text.endswith("\n") for p in pieces)
    assert "".join(p.text for p in pieces) == lines


def test_a_code_block_that_fits_is_moved_whole_to_the_next_message() -> None:
    block = "x = 1\n" * 600
    pieces = split(Text("a\n" * 1000, Pre(block, language="python")))
    assert [len(p.entities) for p in pieces] == [0, 1]
    assert covered(pieces[1].text, pieces[1].entities[0]) == block
    assert pieces[1].entities[0].language == "python"


def test_a_code_block_longer_than_a_message_goes_on_in_the_next() -> None:
    pieces = split(Pre("y" * 10_000))
    assert [(e.type, e.offset, e.length) for p in pieces for e in p.entities] == [
        ("pre", 0, 4096),
        ("pre", 0, 4096),
        ("pre", 0, 1808),
    ]


def test_emoji_count_two_and_are_never_halved() -> None:
    assert units("🙂") == 2
    pieces = split(Text("🙂" * 3000))
    assert [units(p.text) for p in pieces] == [MAX_TEXT, 6000 - MAX_TEXT]


@pytest.mark.parametrize("emoji", ["👩‍👩‍👧", "🇩🇪", "👍🏽", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"])  # joined, a flag, a skin, a key, a flag of tags
def test_an_emoji_of_several_characters_stays_whole(emoji: str) -> None:
    for limit in range(28, 60):
        pieces = split(Text(emoji * 40), limit)
        assert [p.text for p in pieces if p.text.replace(emoji, "")] == []


def test_more_than_a_hundred_entities_go_into_another_message() -> None:
    content = Text(*[part for n in range(150) for part in (Code(str(n)), " ")])
    pieces = split(content)
    assert [len(p.entities) for p in pieces] == [100, 50]


@pytest.mark.parametrize("blank", ["", " ", "\n\n\t "])
def test_nothing_is_sent_for_a_blank_text(blank: str) -> None:
    assert split(Text(blank)) == []


def test_lone_surrogates_do_not_reach_the_wire() -> None:
    assert render(Text("a\ud800b")).text == "a⟨U+D800⟩b"


def test_shorten() -> None:
    assert shorten("short", 10) == "short"
    assert shorten("a long sentence", 8) == "a long…"


def test_piece_never_asks_the_server_to_parse() -> None:
    assert Piece("<b>*x*").as_kwargs() == {"text": "<b>*x*", "entities": None, "parse_mode": None}
    assert Piece("c").as_kwargs(caption=True)["caption"] == "c"
