"""Reading the situation of one moment: agents, beads, claims, quota."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from bot.agents.model import AgentView
from bot.agents.state.watch import Watch
from bot.beads.book import BeadsBook, Gathered, NoBeads
from bot.broadcast.model import Headroom, PlanAgent
from bot.broadcast.situation import Situation
from bot.work.claims import Claims, OpenClaim


class Survey:
    """Reads the situation. `headroom` is asked for the quota of the profiles at each reading."""

    def __init__(
        self,
        watch: Watch,
        book: BeadsBook,
        claims: Claims,
        headroom: Callable[[], Awaitable[Mapping[str, Headroom]]],
    ) -> None:
        self._watch = watch
        self._book = book
        self._claims = claims
        self._headroom = headroom

    async def take(self, *, with_beads: bool = True) -> Situation:
        """Raises NoBeads when beads are wanted and no agent has any."""
        claims = await self._claims.all_open()
        looks = await self._watch.look(None)
        views = [look.view for look in looks.values()]
        tasks = await self._book.gather([v.agent.workdir for v in views]) if with_beads else Gathered()
        if with_beads and views and not tasks.repo_of:
            said = " ".join(note.replace(NoBeads.hint, "").strip() for note in tasks.notes)
            raise NoBeads(said or "No agent works in a folder with Beads.")
        # The row of a bead that is done is closed later (Sender.settle_claims): making a draft changes nothing.
        claims = [c for c in claims if c.bead in tasks.unfinished.get(c.repo, {c.bead})]
        agents = tuple(plan_agent(view, tasks, claims) for view in views)
        return Situation(
            agents=agents,
            ready=tasks.ready,
            in_progress=tasks.in_progress,
            claims=tuple(claims),
            headroom=await self._headroom(),
            read_only=tasks.read_only,
            notes=tasks.notes,
        )


def plan_agent(view: AgentView, tasks: Gathered, claims: Sequence[OpenClaim] = ()) -> PlanAgent:
    """An agent as planning looks at it. `tasks` says to which repo it belongs, `claims` which bead it holds."""
    agent = view.agent
    return PlanAgent(
        id=view.id,
        role=agent.role,
        kind=agent.kind,
        state=view.state,
        labels=agent.labels,
        bead=next((claim.bead for claim in claims if claim.agent == view.id), None),
        profile=agent.profile,
        repo=tasks.repo_of.get(agent.workdir, ""),
        workdir=agent.workdir,
        limit_resets=(view.reading.reset_at or "") if view.reading else "",
    )
