"""What proves a delivery: the CLI's own record of our text as a prompt, and what came after it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from bot.agents.delivery.model import Delivery, EvidenceKind
from bot.agents.model import Agent
from bot.clis.entry import Entry
from bot.clis.text import normal

_KIND: dict[str, EvidenceKind] = {"codex": "rollout"}


@dataclass(frozen=True, slots=True)
class Proof:
    """What the CLI's record proves so far.

    submitted   it holds our text as a prompt; `turn` is the turn that took it, where the CLI names turns
    queued      the CLI keeps the text in its own queue
    started     output or a tool call of that turn came after it
    over        that turn has ended, or another prompt has begun another: what comes now is not of our prompt
    limited     it ended at a usage limit, before any output
    blocked     a hook of the person's turned the text away, in these words ("": without any); None: none did
    altered     our ref arrived, but in a text that is not ours alone
    opened      a turn that began since without any prompt on record; `empty`: such a turn ended, `stopped`: one was
                stopped. Codex records nothing else of a prompt that its hooks turned away.
    by_screen   no record: a command that left the composer
    """

    submitted_at: datetime | None = None
    submitted: bool = False
    turn: str = ""
    queued: bool = False
    started: bool = False
    over: bool = False
    limited: bool = False
    blocked: str | None = None
    altered: bool = False
    opened: str = ""
    empty: bool = False
    stopped: bool = False
    by_screen: bool = False

    @property
    def entered(self) -> bool:
        """Did Enter do something? Then it is not pressed again, wherever the text stands now."""
        seen = self.submitted or self.queued or self.blocked is not None
        return seen or bool(self.opened) or self.empty or self.stopped


def match(proof: Proof, entries: Iterable[Entry], *, text: str, ref: str, told: Collection[str] = ()) -> Proof:
    """The proof after these entries, in the order written. `ref` is empty for a command, which has none. `told`: turns
    to which the CLI's hooks said that our text would belong."""
    wanted = normal(text)
    for entry in entries:
        proof = _taken(proof, entry) if proof.submitted else _awaited(proof, entry, wanted, ref, told)
    return proof


def _awaited(proof: Proof, entry: Entry, wanted: str, ref: str, told: Collection[str]) -> Proof:
    """One entry before our text is on record."""
    kind = entry.kind
    if kind in ("user", "queued", "unqueued", "blocked"):
        seen = normal(entry.prompt)
        if is_ours(seen, wanted, ref):
            return _ours(proof, entry, altered=seen != wanted)
        return replace(proof, opened="") if kind == "user" else proof
    if kind == "turn_start":
        return replace(proof, opened=entry.id)
    if kind in ("turn_end", "aborted") and entry.id and entry.id in {proof.opened, *told}:
        empty = kind == "turn_end" and not entry.data.get("last") and not entry.data.get("error")
        # Codex sends a steer that waits when the turn before it is stopped: only its own turn's end is the end of it.
        stopped = kind == "aborted" and entry.id == proof.opened
        return replace(proof, opened="", empty=proof.empty or empty, stopped=proof.stopped or stopped)
    # A turn of another kind than a prompt's: a compaction, a review.
    return replace(proof, opened="") if kind in ("model", "tool", "compacted") else proof


def _ours(proof: Proof, entry: Entry, *, altered: bool) -> Proof:
    if entry.kind == "blocked":
        return replace(proof, blocked=entry.text, queued=False)
    if entry.kind != "user":
        return replace(proof, queued=entry.kind == "queued")
    # Something else was glued to it, or a part is missing: it did arrive, but the person has to know.
    at = None if entry.data.get("joins") else entry.at
    return replace(proof, submitted=True, submitted_at=at, turn=entry.turn, altered=altered, blocked=None)


def is_ours(seen: str, wanted: str, ref: str) -> bool:
    """Is a prompt that a CLI tells of ours, all of it or by its ref? Both texts as `normal` makes them."""
    return seen == wanted or bool(ref and ref in seen)


def _taken(proof: Proof, entry: Entry) -> Proof:
    """One entry after our text is on record."""
    if proof.over or _of_another_turn(proof, entry):
        return proof
    kind = entry.kind
    if kind == "user":
        # A steer of somebody else's joins our turn; another prompt is another turn.
        joins = bool(entry.data.get("joins")) or (bool(proof.turn) and entry.turn == proof.turn)
        return proof if joins else replace(proof, over=True)
    if kind in ("model", "tool"):
        # The result of a call that was made before is no work on our prompt.
        return replace(proof, started=proof.started or not entry.data.get("result"))
    if kind == "limit":
        return replace(proof, limited=not proof.started, over=True)
    if kind == "blocked" and not entry.prompt and not proof.started:
        return replace(proof, blocked=entry.text, over=True)
    return replace(proof, over=True) if kind in ("turn_end", "aborted") else proof


def _of_another_turn(proof: Proof, entry: Entry) -> bool:
    """Written after our prompt, but of an earlier turn: its last lines may come late."""
    if proof.turn and entry.turn and entry.kind != "user":
        return entry.turn != proof.turn
    return proof.submitted_at is not None and entry.at is not None and entry.at < proof.submitted_at


def has_ref(delivery: Delivery) -> bool:
    """A command, sent raw, has no ref line: it would be part of the command."""
    return delivery.text.endswith(f"\nref: {delivery.id}")


def evidence_kind(agent: Agent) -> EvidenceKind:
    """What this kind of agent writes its conversation to."""
    return _KIND.get(agent.kind, "transcript")
