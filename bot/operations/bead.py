"""What can be done with beads from here."""

from __future__ import annotations

from typing import Any

from bot.beads import Beads
from bot.errors import NotFound
from bot.operations.services import Services


async def _beads(app: Services) -> Beads:
    return await app.book.for_workdir(app.settings.root(app.home))


async def ready(app: Services) -> list[dict[str, Any]]:
    """The beads that could be worked on now, best first, with who of ours holds one."""
    held = {claim.bead: claim.agent for claim in await app.claims.all_open()}
    return [{**bead.as_dict(), "agent": held.get(bead.id)} for bead in await (await _beads(app)).ready()]


async def in_progress(app: Services) -> list[dict[str, Any]]:
    """The beads that somebody works on, with who of ours holds one."""
    held = {claim.bead: claim.agent for claim in await app.claims.all_open()}
    return [{**bead.as_dict(), "agent": held.get(bead.id)} for bead in await (await _beads(app)).in_progress()]


async def show(app: Services, *, id: str) -> dict[str, Any]:  # noqa: A002
    """One bead in full. Raises NotFound."""
    return (await (await _beads(app)).show(id)).as_dict()


async def release(app: Services, *, actor: str, id: str) -> dict[str, Any]:  # noqa: A002
    """Give back a bead that one of our agents holds."""
    claims = [claim for claim in await app.claims.all_open() if claim.bead == id]
    if not claims:
        raise NotFound.of("claimed bead", id, [claim.bead for claim in await app.claims.all_open()])
    for claim in claims:
        await app.claims.release(claim.bead, claim.agent, f"released by {actor}", repo=claim.repo)
    return {"bead": id, "released": [claim.agent for claim in claims]}
