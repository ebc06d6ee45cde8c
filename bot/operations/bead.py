"""What can be done with beads from here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bot.beads import Bead, Beads
from bot.errors import NotFound
from bot.operations.services import Services
from bot.store.audit import note


async def _beads(app: Services) -> Beads:
    return await app.book.for_workdir(app.settings.root(app.home))


async def ready(app: Services) -> list[dict[str, Any]]:
    """The beads that could be worked on now, best first, with who of ours holds one."""
    return (await tasks(app))[0]


async def tasks(app: Services) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(beads that could be worked on now, beads that somebody works on), with who of ours holds each."""
    work = await (await _beads(app)).snapshot()
    held = {claim.bead: claim.agent for claim in await app.claims.all_open()}

    def shown(beads: Iterable[Bead]) -> list[dict[str, Any]]:
        return [{**bead.as_dict(), "agent": held.get(bead.id)} for bead in beads]

    return shown(work.ready), shown(work.in_progress)


async def show(app: Services, *, id: str) -> dict[str, Any]:  # noqa: A002
    """One bead in full. Raises NotFound."""
    return (await (await _beads(app)).show(id)).as_dict()


async def release(app: Services, *, actor: str, id: str) -> dict[str, Any]:  # noqa: A002
    """Give back a bead that one of our agents holds."""
    claims = [claim for claim in await app.claims.all_open() if claim.bead == id]
    if not claims:
        raise NotFound.of("claimed bead", id, [claim.bead for claim in await app.claims.all_open()])
    note(agents=[claim.agent for claim in claims])
    for claim in claims:
        await app.claims.release(claim.bead, claim.agent, f"released by {actor}", repo=claim.repo)
    return {"bead": id, "released": [claim.agent for claim in claims]}
