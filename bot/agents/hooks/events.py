"""What the agents' own hooks tell: which state, which conversation, which prompt goes off, which permission is asked.

UserPromptSubmit comes before the CLI accepts the prompt (another hook may turn it away): a reason to look into the
CLI's record, and no proof.

An event comes from a process inside the agent, so every field of it is untrusted: checked for its type, bounded in
length, and of no effect on any agent but the one whose CLI ran the hook, as the kernel tells. One from the spool comes
from a file that anybody may write: it only makes us look.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.agents.caller import Caller
from bot.agents.model import Agent, Announcement
from bot.agents.registry import Registry
from bot.agents.state.fusion import Signal
from bot.agents.state.look import Look
from bot.agents.state.watch import Watch
from bot.clis.homes import HOMES, conversations_of
from bot.clis.model import State
from bot.clock import Clock
from bot.errors import NotFound

log = logging.getLogger(__name__)

LONGEST_PROMPT = 2 * 1024 * 1024
LONGEST_WORD = 400
PROMPTS_KEPT = 30

# What each event says of the state (Codex 0.169.0, Claude Code 2.1.328). None: nothing, something else follows.
_VOTES: dict[str, State | None] = {
    "UserPromptSubmit": State.WORKING,
    "PreToolUse": State.WORKING,
    "PostToolUse": State.WORKING,
    "PreCompact": State.WORKING,
    "Stop": State.IDLE,
    "Interrupt": State.IDLE,
}


@dataclass(frozen=True, slots=True)
class HookEvent:
    """One event of one agent, checked. `payload` is what its CLI wrote, with its own words for the rest."""

    agent: str
    name: str
    at: datetime
    conversation: str
    transcript: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Heard:
    """The newest that an agent's hooks told."""

    name: str
    at: datetime
    vote: State | None
    detail: str


@dataclass(slots=True)
class _Ear:
    newest: Heard | None = None
    held: int = 0  # permission hooks that wait for an answer now
    asks: str = ""
    prompts: deque[Announcement] = field(default_factory=lambda: deque(maxlen=PROMPTS_KEPT))


def parse(event: Mapping[str, Any], now: datetime) -> HookEvent | None:
    """The event, if it is one: {"agent", "at", "payload": {"hook_event_name", …}}. Pure.

    A time in the future counts as now; anything that is not as it should be makes it None.
    """
    payload = event.get("payload")
    agent = event.get("agent")
    if not isinstance(payload, Mapping) or not isinstance(agent, str) or not 0 < len(agent) <= LONGEST_WORD:
        return None
    name = payload.get("hook_event_name")
    if not isinstance(name, str) or not name:
        return None
    return HookEvent(
        agent=agent,
        name=name[:LONGEST_WORD],
        at=_time(event.get("at"), now),
        conversation=_word(payload.get("session_id")),
        transcript=_word(payload.get("transcript_path"), 4096),
        payload=payload,
    )


def hear(event: HookEvent) -> Heard:
    """What an event says of the state. Pure."""
    payload = event.payload
    vote, detail = _VOTES.get(event.name), event.name
    if event.name == "SessionStart":
        source = _word(payload.get("source"))
        detail = f"SessionStart ({source})" if source else detail
    elif event.name == "PermissionRequest":
        vote, detail = State.WAITING, asks_for(payload)
    elif event.name == "Notification":
        kind = _word(payload.get("notification_type"))
        vote = {"permission_prompt": State.WAITING, "idle_prompt": State.IDLE}.get(kind)
        detail = f"Notification ({kind})"
    elif event.name == "StopFailure":
        error = _word(payload.get("error"))
        vote, detail = (State.LIMITED if error == "rate_limit" else State.ERROR), f"StopFailure ({error})"
    elif event.name == "PreCompact":
        detail = "compacting"
    elif event.name == "PostCompact":
        vote = State.WORKING if payload.get("trigger") == "auto" else State.IDLE
        detail = "compacted"
    return Heard(event.name, event.at, vote, detail)


def asks_for(payload: Mapping[str, Any]) -> str:
    return f"asks for a permission ({_word(payload.get('tool_name')) or 'a tool'})"


class Hooks:
    """Takes events as they come, remembers the newest of each agent, and hands permissions to `permit`, all others to
    `heard`.

    `permit(agent, event)` may take as long as a person does; it is cancelled when the CLI drops the hook.
    """

    def __init__(self, registry: Registry, watch: Watch, clock: Clock) -> None:
        self._registry = registry
        self._watch = watch
        self._clock = clock
        self._ears: dict[str, _Ear] = {}
        self.permit: Callable[[Agent, HookEvent], Awaitable[object]] | None = None
        self.heard: Callable[[Agent, HookEvent], None] | None = None
        watch.sight.hook_signals = self.signals
        watch.announced = self.prompts

    async def take(self, raw: Mapping[str, Any], caller: Caller) -> object:
        """One event from the control socket; what the hook is to print, or None."""
        event = parse(raw, self._clock.now())
        agent = await self.speaker(event.agent, caller) if event is not None else None
        if event is None or agent is None:
            return None
        await self._remember(agent, event)
        self._watch.stir(agent.id)
        if event.name != "PermissionRequest" and self.heard is not None:
            self.heard(agent, event)
        if event.name != "PermissionRequest" or self.permit is None:
            return None
        ear = self._ear(agent.id)
        ear.held += 1
        ear.asks = asks_for(event.payload)
        try:
            return await self.permit(agent, event)
        finally:
            ear.held -= 1
            if ear.newest is None or ear.newest.at <= event.at:
                # Answered or let go: it works on, or its own dialog is there to be seen.
                ear.newest = Heard("answered", self._clock.now(), None, "its question was answered")

    async def speaker(self, name: object, caller: Caller) -> Agent | None:
        """The agent of that name, if its CLI ran the hook: the CLI is the parent of the hook, or of the shell that runs
        it. None for a hook of anybody else: of another agent, of a CLI that the agent's own tools started (`claude -p`
        in a script inherits its name), of a person's program.
        """
        if not isinstance(name, str) or caller.agent != name:
            log.info("a hook that says it is of %.40r came from %s and was let go", name, caller.actor)
            return None
        above = {(process.pid, process.starttime) for process in caller.processes[1:3]}
        if not (above & _clis(self._watch.last(name))):
            # The CLI may have been started since the last look.
            look = (await self._watch.look([name])).get(name)
            if not (above & _clis(look)):
                log.debug("a hook in %s was run by another program than its CLI and was let go", name)
                return None
        try:
            return await self._registry.get(name)
        except NotFound:  # deleted meanwhile
            return None

    async def take_spooled(self, events: Iterable[Mapping[str, Any]]) -> int:
        """What came while no bot was there: a reason to look at these agents and no more; how many are of one."""
        parsed = [event for raw in events if (event := parse(raw, self._clock.now())) is not None]
        ours = {agent.id for agent in await self._registry.all()}
        told = [event.agent for event in parsed if event.agent in ours]
        for name in set(told):
            self._watch.sight.files.search_anew(name)
        return len(told)

    def signals(self, agent: Agent, now: datetime) -> tuple[Signal, ...]:
        """The votes of an agent's hooks. Safe to call from another thread."""
        ear = self._ears.get(agent.id)
        if ear is None:
            return ()
        if ear.held:
            return (Signal("hook", State.WAITING, 0.0, ear.asks),)
        newest = ear.newest
        if newest is None or (agent.started_at is not None and newest.at < agent.started_at):
            return ()
        return (Signal("hook", newest.vote, max(0.0, (now - newest.at).total_seconds()), newest.detail),)

    def prompts(self, agent_id: str, since: datetime) -> list[Announcement]:
        """The prompts that its CLI was about to take since then, oldest first."""
        ear = self._ears.get(agent_id)
        return [one for one in tuple(ear.prompts) if one.at >= since] if ear else []

    def speaks(self, agent: Agent) -> bool:
        """Has the program that runs told anything by its hooks?"""
        ear = self._ears.get(agent.id)
        since = agent.started_at
        return ear is not None and ear.newest is not None and (since is None or ear.newest.at >= since)

    def asking(self, agent_id: str) -> bool:
        """Does a hook of this agent wait for an answer now?"""
        return agent_id in self._ears and self._ears[agent_id].held > 0

    def forget(self, agent_id: str) -> None:
        """It is gone for good: the next one of its name starts with nothing heard."""
        self._ears.pop(agent_id, None)

    async def _remember(self, agent: Agent, event: HookEvent) -> None:
        ear = self._ear(agent.id)
        heard = hear(event)
        if ear.newest is None or heard.at >= ear.newest.at:
            ear.newest = heard
        path = await asyncio.to_thread(self._conversation_of, agent, event)
        prompt = event.payload.get("prompt")
        if event.name == "UserPromptSubmit" and isinstance(prompt, str):
            turn = _word(event.payload.get("turn_id"))
            ear.prompts.append(Announcement(event.at, prompt[:LONGEST_PROMPT], turn, path))
        if event.name != "SessionEnd" and path is not None:
            await self._follow(agent, event.conversation, path)

    async def _follow(self, agent: Agent, conversation: str, path: Path) -> None:
        """Which conversation the agent is in now, so that a restart goes on with it."""
        if (agent.conversation, agent.transcript) == (conversation, path) or not conversation:
            return
        if await asyncio.to_thread(path.is_file):  # Claude writes a new one only after these hooks
            with contextlib.suppress(NotFound):  # deleted meanwhile
                await self._registry.update(agent.id, conversation=conversation, transcript=path)

    def _conversation_of(self, agent: Agent, event: HookEvent) -> Path | None:
        """The file that the event names, if it lies among the conversations of the agent's own home: no other is
        read. Blocking."""
        path = Path(event.transcript)
        if path == agent.transcript:
            return path
        if agent.kind not in HOMES or not path.is_absolute() or path.suffix != ".jsonl":
            return None
        folder = conversations_of(agent.kind, self._watch.profiles(agent).home)
        try:
            if folder.resolve() in path.resolve().parents:
                return path
        except OSError:
            pass
        log.info("a hook of %s names a conversation outside its home; not followed", agent.id)
        return None

    def _ear(self, agent_id: str) -> _Ear:
        return self._ears.setdefault(agent_id, _Ear())


def _word(value: object, most: int = LONGEST_WORD) -> str:
    return value[:most].replace("\0", "") if isinstance(value, str) else ""


def _time(value: object, now: datetime) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return now
    try:
        at = datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return now
    return min(at, now) if at > now - timedelta(days=3650) else now


def _clis(look: Look | None) -> set[tuple[int, float]]:
    """The processes of its CLI, by pid and start time."""
    return {(cli.pid, cli.starttime) for cli in look.clis} if look is not None else set()
