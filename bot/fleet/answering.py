"""May an agent be moved, and does it answer after it was: program in front, input line free, conversation there."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from bot.agents.environment import ProfileSetup
from bot.agents.model import Agent
from bot.agents.permissions.question import AT_START
from bot.agents.state.watch import Look
from bot.clis.entry import Conversation
from bot.clis.kinds import cli_for
from bot.clis.model import State
from bot.clis.tail import last_entries

TAIL = 256 * 1024
SHOWN = 24  # characters of a text that must stand on the screen


def free(look: Look) -> bool:
    """Idle, or held by a usage limit; nobody's text in its input line, no question open."""
    asks = look.reading is not None and look.reading.dialog is not None
    return look.view.state in (State.IDLE, State.LIMITED) and bool(look.clis) and not look.view.draft and not asks


async def conversation_of(agent: Agent, look: Look, setup: ProfileSetup) -> Conversation | None:
    """The conversation that its program is in at this moment; the watch asks only every few seconds."""
    if not look.clis:
        return None
    cli = cli_for(agent.kind)
    return await asyncio.to_thread(
        lambda: cli.conversation(
            home=setup.home, workdir=agent.workdir, pid=look.clis[0].pid, known=None, since=agent.started_at
        )
    )


def asks_a_person(look: Look) -> bool:
    """True while its CLI asks what only a person answers before it begins: to trust the folder, to log in."""
    return look.reading is not None and look.reading.dialog is not None and look.reading.dialog.kind in AT_START


async def answers(agent: Agent, look: Look, setup: ProfileSetup) -> str:
    """What is missing; empty when it answers."""
    if not look.clis:
        return "its program is not in front"
    reading = look.reading
    if reading is not None and reading.dialog is not None:
        return f"it asks: {reading.dialog.title or reading.dialog.kind}"
    if look.view.state not in (State.IDLE, State.LIMITED):
        return f"it is {look.view.state}"
    if reading is None or reading.composer.kind not in ("empty", "draft"):
        return "its input line is not there"
    if agent.transcript is None:
        return ""
    screen = look.screen.plain if look.screen else ""
    return await asyncio.to_thread(_conversation_missing, agent, look.clis[0].pid, setup, screen)


def _conversation_missing(agent: Agent, pid: int, setup: ProfileSetup, screen: str) -> str:
    cli = cli_for(agent.kind)
    held = cli.conversation(home=setup.home, workdir=agent.workdir, pid=pid, known=None)
    if held is not None and held.id == agent.conversation:
        return ""
    texts = last_texts(agent.kind, agent.transcript)
    shown = _letters(screen)
    if not texts or any(_letters(text)[:SHOWN] in shown for text in texts):
        return ""
    return "its conversation is not on the screen"


def last_texts(kind: str, path: Path | None) -> list[str]:
    """The last texts of a conversation, the newest first."""
    if path is None or not path.is_file():
        return []
    entries = last_entries(path, TAIL, cli_for(kind).entries)
    said = [e.text.strip() for e in entries if e.kind in ("user", "model") and e.text.strip()]
    return said[-4:][::-1]


def _letters(text: str) -> str:
    """Without white space and marks, which a CLI's drawing changes."""
    return re.sub(r"[\W_]+", "", text)
