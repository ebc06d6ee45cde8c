"""What proves a delivery: the CLI's own record of our text as a prompt, and what came after it.

The matching is pure; `Trail` reads files and blocks, so it is used in a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from bot.agents.delivery.model import Delivery, EvidenceKind
from bot.agents.environment import ProfileSetup
from bot.agents.model import Agent
from bot.clis.entry import Entry
from bot.clis.kinds import cli_for
from bot.clis.tail import LOOKED_AT, tail_offset
from bot.clis.text import normal

_KIND: dict[str, EvidenceKind] = {"codex": "rollout"}


@dataclass(frozen=True, slots=True)
class Proof:
    """What is proven so far. `altered`: our ref arrived, but in a text that is not ours alone."""

    submitted_at: datetime | None = None
    submitted: bool = False
    queued: bool = False
    started: bool = False
    limited: bool = False
    altered: bool = False
    by_screen: bool = False
    by_hook: bool = False


def match(proof: Proof, entries: Iterable[Entry], *, text: str, ref: str) -> Proof:
    """The proof after these entries, in the order written. `ref` is empty for a command, which has none."""
    wanted = normal(text)
    for entry in entries:
        if entry.kind in ("user", "queued") and not proof.submitted:
            proof = _prompt(proof, entry, wanted, ref)
        elif not proof.submitted:
            continue
        elif entry.kind in ("model", "tool", "turn_end"):
            proof = replace(proof, started=True)
        elif entry.kind == "limit" and not proof.started:
            return replace(proof, limited=True)
    return proof


def _prompt(proof: Proof, entry: Entry, wanted: str, ref: str) -> Proof:
    seen = normal(entry.text)
    if seen != wanted and not (ref and ref in seen):
        return proof
    if entry.kind == "queued":
        return replace(proof, queued=True)
    # Something else was glued to it, or a part is missing: it did arrive, but the person has to know.
    return replace(proof, submitted=True, submitted_at=entry.at, altered=seen != wanted)


def has_ref(delivery: Delivery) -> bool:
    """A command, sent raw, has no ref line: it would be part of the command."""
    return delivery.text.endswith(f"\nref: {delivery.id}")


def evidence_kind(agent: Agent) -> EvidenceKind:
    """What this kind of agent writes its conversation to."""
    return _KIND.get(agent.kind, "transcript")


class Trail:
    """Follows the files of one agent from before the paste on. `path` and `offset` are where its conversation stood."""

    def __init__(
        self,
        agent: Agent,
        setup: ProfileSetup,
        delivery: Delivery,
        *,
        path: Path | None,
        heard: Callable[[str, datetime], list[Entry]] = lambda agent_id, since: [],
    ) -> None:
        self.agent = agent
        self._heard = heard
        self._setup = setup
        self._delivery = delivery
        self._ref = delivery.id if has_ref(delivery) else ""
        self.path = path
        self._offset = _size(path)
        self._looks = 0
        self.proof = Proof()

    def read(self, *, search: bool = False) -> Proof:
        """Read on. Every few calls, or when told to, other files of the agent's home are searched too: the first prompt
        of a conversation begins a new file."""
        cli = cli_for(self.agent.kind)
        self._looks += 1
        if self.path is not None:
            entries, self._offset = cli.entries(self.path, self._offset)
            self.proof = match(self.proof, entries, text=self._delivery.text, ref=self._ref)
        if not self.proof.submitted and (search or self.path is None or self._looks % 5 == 0):
            self._search()
        return self.proof if self.proof.submitted else self._told()

    def _told(self) -> Proof:
        """The CLI's hook may say it before its file does. What came after the prompt is read from the file alone, so
        this proof is not kept."""
        prompts = self._heard(self.agent.id, self._delivery.created_at)
        told = match(Proof(), prompts, text=self._delivery.text, ref=self._ref)
        return replace(told, by_hook=True) if told.submitted else self.proof

    def _search(self) -> None:
        cli, delivery = cli_for(self.agent.kind), self._delivery
        found = cli.find(
            home=self._setup.home,
            workdir=self.agent.workdir,
            ref=self._ref,
            text=delivery.text,
            since=delivery.created_at,
        )
        if found is None:
            return
        self.path, self._offset = found.path, tail_offset(found.path, LOOKED_AT)
        while True:
            entries, end = cli.entries(self.path, self._offset)
            fresh = [one for one in entries if one.at is None or one.at >= delivery.created_at]
            self.proof = match(self.proof, fresh, text=delivery.text, ref=self._ref)
            if end == self._offset:
                return
            self._offset = end


def _size(path: Path | None) -> int:
    try:
        return path.stat().st_size if path is not None else 0
    except OSError:
        return 0
