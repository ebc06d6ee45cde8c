"""A conversation handed from one account to another: its file, at the same place in the other home; nothing else.

Credentials are never touched: a refresh token that is used from two homes is spent in both.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bot.agents.life.launch import share_files
from bot.agents.model import Agent
from bot.clis.entry import Conversation
from bot.clis.homes import HOMES, home_of
from bot.clis.kinds import cli_for
from bot.errors import Refused
from bot.quota.service import Quota


class Handover:
    """Copies conversations. What was counted in the first home is not counted again in the second."""

    def __init__(self, quota: Quota) -> None:
        self._quota = quota

    async def last(self, agent: Agent, home: Path | None, everybody: Collection[Agent]) -> Agent:
        """The agent with the conversation it had when it ended; one that ended before we read which one it was is
        looked for, where no other agent shares its folder and account. Raises Refused for one that was put away."""
        if agent.transcript is not None:
            return agent if there(agent, home) else replace(agent, conversation=None, transcript=None)
        if agent.started_at is None or any(share_files(agent, other) for other in everybody):
            return agent
        cli, since = cli_for(agent.kind), agent.started_at
        found = await asyncio.to_thread(
            lambda: cli.conversation(home=home, workdir=agent.workdir, pid=None, known=None, since=since)
        )
        taken = {other.conversation for other in everybody if other.id != agent.id}
        if found is None or found.id in taken:
            return agent
        return replace(agent, conversation=found.id, transcript=found.path)

    def place(self, agent: Agent, source: Path | None, target: Path | None) -> Path:
        """Where its conversation file belongs in the other home. Raises Refused for a file outside the homes."""
        if agent.transcript is None or target is None:
            raise Refused(f"{agent.id} has no conversation to hand over.")
        home = home_of(agent.kind, source).resolve()
        try:
            inside = agent.transcript.resolve().relative_to(home)
        except ValueError:
            raise Refused(f"The conversation of {agent.id} is not in the home of its profile.") from None
        if inside.parts[0] != HOMES[agent.kind].conversations or inside.suffix != ".jsonl":
            raise Refused(f"{inside} is no conversation.")
        return target / inside

    async def copy(self, source: Path, target: Path, profile: str) -> None:
        """Put a copy there in one step. An older state of the same conversation is replaced; anything else that
        stands there is kept beside it. Raises Refused with the reason."""
        try:
            fresh = await asyncio.to_thread(_beside, source, target)
        except OSError as error:
            raise Refused(f"The conversation could not be copied: {error.strerror or error}") from error
        try:
            await self._quota.reader.skip(profile, target, fresh)
            await asyncio.to_thread(_into_place, fresh, target)
        except OSError as error:
            raise Refused(f"The conversation could not be put in place: {error.strerror or error}") from error
        finally:
            await asyncio.to_thread(fresh.unlink, missing_ok=True)


def there(agent: Agent, home: Path | None) -> bool:
    """Does the file of its conversation lie where it was written? Raises Refused where its CLI put it away (Codex
    archives and packs): to move without it would lose the conversation."""
    if agent.transcript is None or agent.conversation is None or agent.transcript.is_file():
        return agent.transcript is not None and agent.transcript.is_file()
    known = Conversation(agent.conversation, agent.transcript)
    if cli_for(agent.kind).kept(home, agent.workdir, known) is None:
        return False
    raise Refused(
        f"The conversation of {agent.id} is archived or packed.", hint=f"maf agent start {agent.id} opens it again"
    )


def _beside(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # One name for each conversation: what a bot that was killed left there goes with the next copy.
    fresh = target.with_name(f".{target.name}.handover")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600, exist_ok=False)
    try:
        with fresh.open("wb") as out, source.open("rb") as file:
            shutil.copyfileobj(file, out, 1 << 20)
    except OSError:  # a full disk most of all: half of gigabytes must not stay there
        fresh.unlink(missing_ok=True)
        raise
    return fresh


def _into_place(fresh: Path, target: Path) -> None:
    if target.exists() and not _begins_with(fresh, target):
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        target.rename(target.with_name(f"{target.name}.{stamp}.kept"))
    fresh.replace(target)


def _begins_with(longer: Path, shorter: Path) -> bool:
    if shorter.stat().st_size > longer.stat().st_size:
        return False
    with longer.open("rb") as a, shorter.open("rb") as b:
        while block := b.read(1 << 20):
            if a.read(len(block)) != block:
                return False
    return True
