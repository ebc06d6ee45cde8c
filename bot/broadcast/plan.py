"""Who gets what, and why: pure, and the same answer for the same input in any order.

For each agent the first that applies: it cannot take a prompt (skip) -> it has a bead in hand (resume) -> the best bead
that fits, for its role (assign, review, commit) -> help that somebody asked for (assist) -> standby.

How far a bead is, planning reads from its labels: `needs-review` or `review` (or a status of that name) waits for a
reviewer, `approved` or `ready-to-commit` for a committer; `help-wanted` on one in progress invites a second agent.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, tzinfo

from bot.beads.model import Bead, order
from bot.broadcast.match import match
from bot.broadcast.model import Action, ItemPlan, PlanAgent
from bot.broadcast.situation import Situation
from bot.clis.model import State
from bot.packs.model import Pack
from bot.packs.render import PromptContext
from bot.work.routing import clashes, fits, own_labels, preference, role_labels, topics, unfit

_CANNOT = {
    State.STARTING: "is still starting",
    State.WAITING: "waits for an answer, see its dialog",
    State.LIMITED: "has reached its usage limit",
    State.COMPOSING: "someone is typing there",
    State.ERROR: "shows an error, look at it first",
    State.FROZEN: "is frozen",
    State.STOPPED: "is stopped",
    State.DEAD: "has died",
    State.UNKNOWN: "is in a state that could not be read",
}
_BY_ROLE = {"implementor": Action.ASSIGN, "reviewer": Action.REVIEW, "committer": Action.COMMIT}


def plan(
    situation: Situation,
    pack: Pack,
    *,
    only: Collection[str] = (),
    idle_only: bool = False,
    now: datetime | None = None,
    zone: tzinfo = UTC,
) -> list[ItemPlan]:
    """One item per agent, in the order of their ids; with `only`, for those agents alone. `idle_only` leaves out who
    works now. `now` and `zone` are for times in the reasons."""
    return _Planner(situation, pack, _Times(now, zone)).items(only, idle_only=idle_only)


class _Planner:
    """A situation, indexed."""

    def __init__(self, situation: Situation, pack: Pack, times: _Times) -> None:
        self.agents = sorted(situation.agents, key=lambda agent: natural(agent.id))
        # A bead in both lists counts once, as the one that somebody has in hand.
        beads = {(bead.repo, bead.id): bead for bead in (*situation.ready, *situation.in_progress)}
        self.beads = sorted(beads.values(), key=lambda bead: (*order(bead), bead.repo))
        self.claims = {(claim.repo, claim.bead): claim for claim in situation.claims}
        self.headroom, self.read_only = situation.headroom, situation.read_only
        self.pack, self.times = pack, times

    def items(self, only: Collection[str], *, idle_only: bool) -> list[ItemPlan]:
        """As `plan`; no bead is given twice."""
        found: dict[str, ItemPlan] = {}
        free: list[PlanAgent] = []
        for agent in self.agents:
            if only and agent.id not in only:
                continue
            item = self._cannot(agent, idle_only=idle_only) or self._in_hand(agent)
            if item is None:
                free.append(agent)
            else:
                found[agent.id] = item
        given = self._give(free)
        helped: set[tuple[str, str]] = {(i.bead.repo, i.bead.id) for i in (*found.values(), *given.values()) if i.bead}
        for agent in free:
            found[agent.id] = given.get(agent.id) or self._assist(agent, helped) or self._standby(agent)
        return [found[agent.id] for agent in self.agents if agent.id in found]

    def holder(self, bead: Bead) -> str:
        """Who has this bead in hand: our own open claim, else the assignee of a bead in progress; "" for nobody."""
        claim = self.claims.get((bead.repo, bead.id))
        if claim:
            return claim.agent
        return bead.assignee if bead.status == "in_progress" else ""

    def _cannot(self, agent: PlanAgent, *, idle_only: bool) -> ItemPlan | None:
        room = self.headroom.get(agent.profile) if agent.profile else None
        if agent.role not in {*_BY_ROLE, "supervisor"}:
            return ItemPlan(agent.id, Action.SKIP, f"takes no prompts (role {agent.role})")
        if agent.state in _CANNOT:
            back = f", back {agent.limit_resets}" if agent.limit_resets else ""
            reason = _CANNOT[agent.state] + (back if agent.state is State.LIMITED else "")
            return ItemPlan(agent.id, Action.SKIP, reason, blocked=agent.state is not State.STOPPED)
        if room is not None and not room.usable:
            used = f"is at {room.used_percent:.0f} %" if room.used_percent is not None else "has no quota left"
            used = room.why or used
            back = f", back {self.times.clock(room.resets_at)}" if room.resets_at else ""
            instead = f"; {room.instead} has room" if room.instead else ""
            return ItemPlan(agent.id, Action.SKIP, f"{room.profile} {used}{back}{instead}", blocked=True)
        if idle_only and agent.state is not State.IDLE:
            return ItemPlan(agent.id, Action.SKIP, "is working")
        return None

    def _in_hand(self, agent: PlanAgent) -> ItemPlan | None:
        """Resume, for an agent that has a bead; standby where it is at it this moment, or where the pack forbids it."""
        if agent.state is not State.IDLE and agent.bead:
            return ItemPlan(agent.id, Action.STANDBY, f"is working on {agent.bead}")
        mine = [bead for bead in self.beads if self._is_mine(agent, bead)]
        if not mine:
            return None
        if agent.state is not State.IDLE:
            return ItemPlan(agent.id, Action.STANDBY, f"is working on {mine[0].id}")
        workable = [bead for bead in mine if unfit(bead, self.pack) is None]
        if workable:
            bead = workable[0]
            reason = f"{agent.id} holds this bead{self._since(bead)}"
            return self._item(agent, Action.RESUME, bead, reason)
        outside = next((bead for bead in mine if not self.pack.covers(bead.id)), None)
        if outside is not None:
            return ItemPlan(agent.id, Action.STANDBY, f"holds {outside.id}, which is outside this pack")
        return None  # what it holds is blocked: it may take something else meanwhile

    def _is_mine(self, agent: PlanAgent, bead: Bead) -> bool:
        at_work = agent.role == "implementor" and not bead.in_review and not bead.to_commit
        return at_work and bead.repo == agent.repo and self.holder(bead) == agent.id

    def _give(self, free: Sequence[PlanAgent]) -> dict[str, ItemPlan]:
        """Assign, review and commit, for all free agents at once, so that no agent's pick starves another."""
        by_id = {agent.id: agent for agent in free}
        options: dict[Bead, list[str]] = {}
        for bead in self.beads:
            fitting = [agent for agent in free if self._may_have(agent, bead)]
            options[bead] = [agent.id for agent in sorted(fitting, key=lambda agent: self._rank(agent, bead))]
        pairs = match(self.beads, options, _same_files)
        return {name: self._given(by_id[name], bead) for name, bead in pairs.items()}

    def _may_have(self, agent: PlanAgent, bead: Bead) -> bool:
        if fits(agent, bead, self.pack) is not None:
            return False
        if agent.role != "implementor":
            # Another one of the same trade is already at it.
            return not any(
                other.id != agent.id and other.role == agent.role and (other.repo, other.bead) == (bead.repo, bead.id)
                for other in self.agents
            )
        elsewhere = [
            path
            for held in self.beads
            if held.repo == bead.repo and held.id != bead.id and self.holder(held) not in {"", agent.id}
            for path in held.paths
        ]
        return self.holder(bead) in {"", agent.id} and not clashes(bead, elsewhere)

    def _rank(self, agent: PlanAgent, bead: Bead) -> tuple[bool, bool, int, object]:
        """Whom to ask first: who is free now, who had it before, whose field it is, then by id."""
        busy = agent.state is not State.IDLE
        return busy, agent.bead != bead.id, preference(agent, bead, self.pack), natural(agent.id)

    def _given(self, agent: PlanAgent, bead: Bead) -> ItemPlan:
        action = _BY_ROLE[agent.role]
        partner = self.holder(bead) or bead.assignee
        if action is Action.ASSIGN:
            shared = topics(bead) & (own_labels(agent, self.pack) | role_labels(agent, self.pack))
            reason = f"best ready bead{' for ' + '/'.join(sorted(shared)) if shared else ''} (P{bead.priority})"
            if bead.dependents_count:
                reason += f", unblocks {bead.dependents_count}"
            partner = ""
        elif action is Action.REVIEW:
            reason = f"{partner or 'someone'} asked{self.times.ago(bead.updated_at)}"
        else:
            reason = f"approved{self.times.ago(bead.updated_at)}, waits to be committed"
        if agent.state is not State.IDLE:
            reason += f"; {agent.id} is busy, it waits"
        return self._item(agent, action, bead, reason, partner)

    def _assist(self, agent: PlanAgent, helped: set[tuple[str, str]]) -> ItemPlan | None:
        """Help on a bead whose holder asked for it, one helper each, and never beside a prompt about the same bead."""
        if agent.role != "implementor" or agent.state is not State.IDLE:
            return None
        for bead in self.beads:
            partner = self.holder(bead)
            asked = bead.wants_help and bead.status == "in_progress" and not bead.in_review and not bead.to_commit
            taken = (bead.repo, bead.id) in helped or partner in {"", agent.id}
            if asked and not taken and fits(agent, as_if_free(bead), self.pack) is None:
                helped.add((bead.repo, bead.id))
                return self._item(agent, Action.ASSIST, bead, f"{partner} asked for help", partner)
        return None

    def _standby(self, agent: PlanAgent) -> ItemPlan:
        if agent.role == "implementor":
            reason = self._nothing_for(agent)
        else:
            reason = {"reviewer": "nothing to review", "committer": "nothing to commit"}.get(agent.role, "supervises")
        return ItemPlan(agent.id, Action.STANDBY, f"{reason}, stands by")

    def _nothing_for(self, agent: PlanAgent) -> str:
        if not agent.repo:
            return "no Beads in its project"
        stuck = next((bead for bead in self.beads if self._is_mine(agent, bead)), None)
        if stuck is not None:
            return f"{stuck.id} {unfit(stuck, self.pack)}"
        here = [bead for bead in self.beads if bead.repo == agent.repo and bead.status == "open"]
        if not here:
            return "no ready bead"
        if any(fits(agent, bead, self.pack) is None for bead in here):
            return "every bead that fits is taken"
        wanted = own_labels(agent, self.pack) | role_labels(agent, self.pack)
        return f"no ready bead fits{' (' + ', '.join(sorted(wanted)) + ')' if wanted else ''}"

    def _item(self, agent: PlanAgent, action: Action, bead: Bead, reason: str, partner: str = "") -> ItemPlan:
        context = PromptContext(partner=partner, beads_writable=bead.repo not in self.read_only)
        return ItemPlan(agent.id, action, reason, bead, context)

    def _since(self, bead: Bead) -> str:
        claim = self.claims.get((bead.repo, bead.id))
        moment = claim.claimed_at if claim else bead.started_at
        return f" since {self.times.clock(moment)}" if moment else ""


class _Times:
    """Times as they stand in a reason."""

    def __init__(self, now: datetime | None, zone: tzinfo) -> None:
        self._now, self._zone = now, zone

    def clock(self, moment: datetime) -> str:
        """16:05, with the day where it is not today."""
        local = moment.astimezone(self._zone)
        today = self._now is None or self._now.astimezone(self._zone).date() == local.date()
        return f"{local:%H:%M}" if today else f"{local.day} {local:%b %H:%M}"

    def ago(self, moment: datetime | None) -> str:
        """` 3 h ago`; nothing where one of the two times is not known."""
        if moment is None or self._now is None:
            return ""
        minutes = max(0, int((self._now - moment).total_seconds() // 60))
        if minutes < 60:
            return f" {minutes} min ago"
        return f" {minutes // 60} h ago" if minutes < 48 * 60 else f" {minutes // 1440} days ago"


def natural(name: str) -> list[tuple[str, int]]:
    """A sort key in which w2 comes before w10."""
    return [(word, int(number or 0)) for word, number in re.findall(r"([^0-9]*)([0-9]*)", name)]


def as_if_free(bead: Bead) -> Bead:
    """The bead as routing would see it were it nobody's: to ask whether it fits a helper."""
    return replace(bead, status="open", assignee="")


def _same_files(bead: Bead, given: Collection[Bead]) -> bool:
    """Only work that changes files can clash; a review reads, and a commit takes what is already there."""
    if bead.in_review or bead.to_commit:
        return False
    return clashes(
        bead, [path for other in given if not other.in_review and other.repo == bead.repo for path in other.paths]
    )
