"""The board: who stands where, and lines that fit a phone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.agents.model import Agent, AgentView
from bot.agents.permissions.rows import Ask
from bot.clis.model import Composer, Dialog, ScreenReading, State
from bot.operations.board import Row, rows, signature
from bot.telegram.text import render, units
from handlers.cards.agents import one_agent, spent_of
from handlers.cards.board import MARKS, WIDTH, age, board_of, line, link

NOW = datetime(2026, 11, 22, 12, 42, tzinfo=UTC)


def view(name: str, state: State, minutes: float = 4, *, says: str = "", asks: str = "") -> AgentView:
    agent = Agent(name, "demo", "demo", "implementor", f"maf-{name}", Path("/"), NOW, profile="codex-1")
    dialog = Dialog("permission", "Allow this command?", "", (), "f", asks) if asks else None
    reading = ScreenReading(state, "r", Composer("empty"), dialog, None, says)
    return AgentView(agent, state, NOW - timedelta(minutes=minutes), NOW, "r", reading)


def row(name: str = "w1", state: State = State.WORKING, seconds: float = 240, **more: object) -> Row:
    values = {"bead": "", "profile": "", "context": None, "says": "", "asks": False, "ready": False, **more}
    return Row(name, state, NOW - timedelta(seconds=seconds), **values)  # type: ignore[arg-type]


def test_who_needs_a_person_stands_first() -> None:
    views = [
        view("w1", State.WORKING),
        view("w2", State.IDLE),
        view("w3", State.STOPPED),
        view("w4", State.IDLE),
        view("w5", State.LIMITED),
        view("w6", State.DEAD, 1),
        view("w7", State.WAITING, 1),
        view("w8", State.WAITING, 9),
        view("w9", State.ERROR, 5),
    ]
    order = [r.id for r in rows(views, {}, {}, ready={"w4"})]
    # Of those who wait the longest first; w4 has work that it could take, w2 has none.
    assert order == ["w8", "w7", "w9", "w6", "w5", "w4", "w1", "w2", "w3"]


def test_a_row_holds_bead_profile_context_and_words() -> None:
    made = rows([view("w1", State.WORKING, says="running cart tests")], {"w1": "shop-41"}, {"w1": 61})
    assert made[0].profile == "codex-1"
    assert (made[0].bead, made[0].context, made[0].says, made[0].asks) == ("shop-41", 61, "running cart tests", False)
    asks = rows([view("w1", State.WAITING, asks="npm test")], {}, {})
    assert (asks[0].says, asks[0].asks) == ("npm test", True)


def test_an_answer_to_an_earlier_prompt_is_not_quoted_as_the_present_one() -> None:
    working = view("w1", State.WORKING, says="All 14 tests pass")
    assert working.reading is not None
    earlier = replace(working, reading=replace(working.reading, said_before=True))
    assert rows([working, earlier], {}, {})[0].says == "All 14 tests pass"
    assert rows([earlier], {}, {})[0].says == ""
    assert "All 14 tests pass" in render(one_agent(working, [], NOW).content).text
    assert "All 14 tests pass" not in render(one_agent(earlier, [], NOW).content).text


def test_a_question_that_its_pane_does_not_show_is_told_with_its_end() -> None:
    """Codex while its hook waits."""
    until = NOW + timedelta(seconds=90)
    asked = [ask_of_hook("w1", "touch ../x", until), ask_of_hook("w2", "make", None)]
    found = rows([view("w1", State.WAITING), view("w2", State.WAITING, asks="make")], {}, {}, asked=asked)
    assert {r.id: (r.says, r.until) for r in found} == {"w1": ("touch ../x", until), "w2": ("make", None)}
    assert signature(found) != signature(rows([view("w1", State.WAITING), view("w2", State.WAITING)], {}, {}))


def ask_of_hook(agent: str, command: str, until: datetime | None) -> Ask:
    return Ask(
        id=agent, agent=agent, cli="codex", profile=None, kind="permission", tool="Bash", title="", command=command,
        workdir="/w", risk="", dangerous=False, question="q", fingerprint="", choices=(), suggestions=(),
        source="hook", card=agent, status="open", created_at=NOW, held_until=until,
    )  # fmt: skip


def test_ages_alone_do_not_change_what_a_board_shows() -> None:
    young, old = (rows([view("w1", State.IDLE, minutes)], {}, {}) for minutes in (1, 50))
    assert signature(young) == signature(old)
    assert signature(rows([view("w1", State.WORKING)], {}, {})) != signature(young)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (row(seconds=240, bead="shop-41", context=61), "⚙️ /w1 4 min shop-41 61%"),
        (row("r1", State.IDLE, 120), "🟢 /r1 2 min"),
        (
            row("w3", State.WAITING, 14, bead="shop-52", says="psql -f x", asks=True),
            "✋ /w3 asks 0:14 shop-52 “psql -f x”",
        ),
        (
            row("w3", State.WAITING, 14, says="touch ../x", asks=True, until=NOW + timedelta(seconds=76)),
            f"✋ /w3 asks here until {NOW + timedelta(seconds=76):%H:%M:%S} “touch ../x”",
        ),
        (row("w3", State.WAITING, 7500, asks=True), "✋ /w3 asks 2:05 h"),
        (row("w7", State.DEAD, 7200), "💥 /w7 dead 2 h"),
        (row("w1", State.LIMITED, 5), "⏳ /w1 limited now"),
        (row("w1", State.IDLE, 60, says="All 14 tests pass"), "🟢 /w1 1 min “All 14 tests pass”"),
        (row(bead="shop-41", profile="codex-1", context=61), "⚙️ /w1 4 min shop-41 codex-1 61%"),
        # Who waits for nothing and nobody keeps to one line.
        (
            row("w1", State.IDLE, 60, bead="shop-41", profile="codex-plus-1", says="All pass"),
            "🟢 /w1 1 min shop-41 codex-plus-1",
        ),
    ],
)
def test_one_line(shown: Row, expected: str) -> None:
    assert render(line(shown, NOW, UTC)).text == expected


def test_words_are_cut_to_the_width_of_a_phone() -> None:
    shown = render(
        line(row(seconds=240, context=61, says="running cart tests for the third time today"), NOW, UTC)
    ).text
    assert shown.startswith("⚙️ /w1 4 min 61% “running cart")
    assert len(shown) <= WIDTH


@pytest.mark.parametrize(
    ("name", "shown"), [("w1", "/w1"), ("api-worker", "api-worker"), ("claim", "/agent_claim"), ("pair", "/agent_pair")]
)
def test_a_tap_on_an_id_opens_it(name: str, shown: str) -> None:
    assert link(name) == shown


@pytest.mark.parametrize(("seconds", "shown"), [(0, "now"), (59, "now"), (60, "1 min"), (7300, "2 h"), (200000, "2 d")])
def test_ages(seconds: float, shown: str) -> None:
    assert age(seconds) == shown


def labels(message: object) -> list[str]:
    return [button.label for keys in message.keyboard for button in keys]  # type: ignore[attr-defined]


def test_a_short_board_counts_the_rest() -> None:
    many = [row("w1", State.WAITING, asks=True), *(row(f"w{n}") for n in range(2, 14))]
    message = board_of(many, NOW, UTC)
    text = render(message.content).text
    assert text.startswith("🗂 13 agents · 1 needs you · 12:42\n✋ /w1")
    assert text.endswith("… 3 more working")
    assert labels(message)[:4] == ["✋ Next that needs me", "All", "↻", "📌"]
    assert labels(message)[4] == "✋ w1"
    whole = board_of(many, NOW, UTC, everybody=True)
    assert "/w13" in render(whole.content).text
    assert "Fewer" in labels(whole)


def test_all_who_need_somebody_are_shown() -> None:
    many = [row(f"w{n}", State.WAITING, asks=True) for n in range(15)] + [row("x1"), row("x2", State.STOPPED)]
    text = render(board_of(many, NOW, UTC).content).text
    assert all(f"/w{n} " in text for n in range(15))
    assert "… 2 more: 1 working, 1 stopped" in text


def test_nobody() -> None:
    assert "no agents yet" in render(board_of([], NOW, UTC).content).text


@given(st.lists(st.builds(row, st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), st.sampled_from(list(State)),
    st.floats(0, 1e7), bead=st.text(max_size=12), context=st.none() | st.integers(0, 100), says=st.text(max_size=200),
    asks=st.booleans()), max_size=120), st.booleans())  # fmt: skip
def test_any_board_fits_a_message(shown: list[Row], everybody: bool) -> None:
    message = board_of(shown, NOW, UTC, everybody=everybody)
    assert units(render(message.content).text) <= 2 * 4096
    assert len([b for keys in message.keyboard for b in keys]) <= 12


def test_every_state_has_a_mark() -> None:
    assert set(MARKS) == set(State)


@pytest.mark.parametrize(
    ("stats", "said"),
    [
        ({}, ""),
        ({"tasks": 1, "prompts": 1, "working_s": 59}, "1 task · 1 prompt"),
        (
            {"tasks": 0, "prompts": 12, "working_s": 7500.0, "waiting_s": 60},
            "12 prompts · worked 2 h 05 min · waited 1 min",
        ),
    ],
)
def test_what_an_agent_did_is_told_in_plain_words(stats: dict[str, float], said: str) -> None:
    assert spent_of(stats) == said
