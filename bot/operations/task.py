"""Claiming: an agent's next bead, if its account has room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bot.agents.model import Agent
from bot.beads.model import Bead
from bot.clis.homes import HOMES
from bot.errors import Refused
from bot.fleet.accounts import reasons
from bot.operations.services import Services
from bot.store.audit import note
from bot.work.picking import candidates


class NothingToClaim(Refused):
    """No ready bead fits this agent."""

    code = "nothing_to_claim"


@dataclass(frozen=True, slots=True)
class _Worker:
    """The agent as routing sees it."""

    id: str
    role: str
    labels: tuple[str, ...]
    repo: str


async def claim(
    app: Services, *, actor: str, agent: str, rotate: bool = False, dry_run: bool = False, forced: str | None = None
) -> dict[str, Any]:
    """Take the next bead for an agent, or say which it would be. `rotate` moves an agent off a used-up profile first;
    `forced` (CODEX_PROFILE) skips the quota checks."""
    found = await app.registry.get(agent)
    held = [claim.bead for claim in await app.claims.of(agent)]
    fitting, rejected = ([], []) if held else await _pick(app, found)
    if not (held or fitting or dry_run):  # nobody is moved to another account for nothing
        raise _nothing(agent, rejected)
    profile, account = await _account(app, found, forced, rotate=rotate, dry_run=dry_run, by=actor)

    def answer(bead: str | None, reason: str) -> dict[str, Any]:
        note(bead=bead, profile=profile)
        return {
            "agent": agent,
            "bead": bead,
            "profile": profile,
            "reason": f"{reason}{account}",
            "rejected": [{"bead": name, "why": why} for name, why in rejected],
            "dry_run": dry_run,
        }

    if held:
        return answer(held[0], f"{agent} holds it already")
    for bead in fitting:
        reason = f"best ready bead for {agent} (P{bead.priority})"
        if dry_run:
            return answer(bead.id, reason)
        result = await app.claims.claim(agent, bead)
        if result.won:
            return answer(bead.id, reason)
        rejected.append((bead.id, f"went to {result.holder}"))
    if dry_run:
        return answer(None, f"no ready bead fits {agent}")
    raise _nothing(agent, rejected)


def _nothing(agent: str, rejected: list[tuple[str, str]]) -> NothingToClaim:
    why = f" {rejected[0][0]} {rejected[0][1]}." if rejected else ""
    return NothingToClaim(f"No ready bead fits {agent}.{why}", hint="Look: maf task claim --dry-run --verbose")


async def _account(
    app: Services, agent: Agent, forced: str | None, *, rotate: bool, dry_run: bool, by: str
) -> tuple[str | None, str]:
    """(the profile that does the work, words about it). Raises Refused for one that is used up."""
    await app.quota.fresh()
    forced = forced or app.quota.forced()
    if forced and app.quota.status(forced) is not None:
        return forced, f", on {forced} as CODEX_PROFILE says"
    if agent.profile is None:
        choice = app.quota.choose(agent.kind) if agent.kind in HOMES else None
        return (choice.profile, f", on {choice.profile}: {choice.reason}") if choice and choice.profile else (None, "")
    status = app.quota.status(agent.profile)
    objection = app.accounts.objection(status) if status else ""
    if not objection:
        return agent.profile, ""
    choice = app.accounts.target(agent)
    used_up = f"{agent.profile} {objection}" if not objection.endswith("used up") else f"{agent.profile}: {objection}"
    if dry_run and choice.profile:
        return choice.profile, f"; {used_up}, a rotation would use {choice.profile}"
    if rotate:
        move = await app.rotation.rotate(agent.id, by)
        if move.outcome != "moved":
            raise Refused(f"{agent.id} could not be moved off {agent.profile}: {move.detail}")
        return move.target, f", moved from {move.source}"
    if choice.profile is None:
        raise Refused(f"{used_up}, and no other profile can serve: {reasons(choice)}", hint="Look: maf quota status")
    raise Refused(
        f"{used_up}. A rotation would use {choice.profile}.",
        hint=f"maf task claim --agent {agent.id} --rotate",
    )


async def _pick(app: Services, agent: Agent) -> tuple[list[Bead], list[tuple[str, str]]]:
    async with app.store.begin() as tx:
        pack = app.packs.get_active(await app.packs.active(tx))
    gathered = await app.book.gather([agent.workdir])
    repo = gathered.repo_of.get(agent.workdir, "")
    if not repo:
        raise Refused(" ".join(gathered.notes) or f"{agent.id} works in a folder without Beads.")
    claims = await app.claims.all_open()
    held = {(c.repo, c.bead): c.agent for c in claims}
    busy = [
        path
        for bead in gathered.in_progress
        if held.get((bead.repo, bead.id), bead.assignee) not in ("", agent.id)
        for path in bead.paths
    ]
    worker = _Worker(agent.id, agent.role, agent.labels, repo)
    return candidates(worker, gathered.ready, pack, held=held, busy_paths=busy)
