"""Questions of several agents on one card, when it turns out that they do not ask the same."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.agents.model import Agent
from bot.agents.permissions.open_asks import OpenAsks
from bot.agents.permissions.question import Choice, Question, from_hook
from bot.agents.permissions.risk import Risk
from bot.agents.permissions.rows import Ask
from bot.clock import SystemClock
from bot.store import Store
from bot.store.tables import OutboxRow

CUT = "ls tests && echo a long line that the screen"
CHOICES = (Choice("Yes", "once", "1"), Choice("No", "no", "2"))


def agent(name: str, folder: Path) -> Agent:
    return Agent(
        id=name, type="claude-worker", kind="claude", role="worker", description="", profile=None,
        session=f"maf-{name}", workdir=folder, created_at=datetime.now(UTC),
    )  # fmt: skip


def on_screen(command: str) -> Question:
    return Question("permission", "Bash", "Bash command", command, Risk(proven=True), CHOICES, "q", "f")


async def two_on_a_card(asks: OpenAsks, folder: Path) -> tuple[Ask, Ask]:
    first = await asks.add(agent("w1", folder), on_screen(CUT), source="screen")
    second = await asks.add(agent("w2", folder), on_screen(CUT), source="screen")
    assert first.card == second.card
    return first, second


def told(command: str, folder: Path) -> Question:
    event = {"tool_name": "Bash", "tool_input": {"command": command}}
    return from_hook(event, cli="claude", workspace=str(folder))


@pytest.mark.parametrize("which", [0, 1])
async def test_one_that_turns_out_to_be_dangerous_leaves_the_others(store: Store, tmp_path: Path, which: int) -> None:
    asks = OpenAsks(store, SystemClock())
    pair = await two_on_a_card(asks, tmp_path)
    now = await asks.tell(pair[which], told(f"{CUT} cuts; rm -rf /srv1", tmp_path), [])
    assert now.dangerous and now.choices == CHOICES and now.title == "Bash command"
    assert now.card != pair[1 - which].card
    assert asks[now.id].card == now.card and asks[pair[1 - which].id].card == pair[1 - which].card
    async with store.begin() as tx:
        keys = set(await tx.scalars(select(OutboxRow.key)))
    assert {f"ask:{now.card}", f"ask:{pair[0].card}"} <= keys


async def test_those_that_ask_the_same_but_for_white_space_part(store: Store, tmp_path: Path) -> None:
    asks = OpenAsks(store, SystemClock())
    first, second = await two_on_a_card(asks, tmp_path)
    now = await asks.tell(first, told(CUT.replace(" && ", " &&\n"), tmp_path), [])
    assert now.card != second.card


async def test_the_same_words_in_another_folder_or_with_other_white_space_are_not_grouped(
    store: Store, tmp_path: Path
) -> None:
    asks = OpenAsks(store, SystemClock())
    first, _ = await two_on_a_card(asks, tmp_path)
    elsewhere = await asks.add(agent("w3", tmp_path / "other"), on_screen(CUT), source="screen")
    spaced = await asks.add(agent("w4", tmp_path), on_screen(CUT.replace(" ", "  ", 1)), source="screen")
    broken = await asks.add(agent("w5", tmp_path), on_screen(CUT.replace(" ", "\n", 1)), source="screen")
    assert len({first.card, elsewhere.card, spaced.card, broken.card}) == 4


async def test_patches_that_the_screen_did_not_show_part_two_of_them(store: Store, tmp_path: Path) -> None:
    asks = OpenAsks(store, SystemClock())
    first, second = await two_on_a_card(asks, tmp_path)
    await asks.join(first, on_screen("one patch"), 80)
    await asks.join(second, on_screen("another patch"), 80)
    assert asks[first.id].card != asks[second.id].card
    third = await asks.add(agent("w3", tmp_path), on_screen(CUT), source="screen")
    assert third.card not in {asks[first.id].card, asks[second.id].card}
