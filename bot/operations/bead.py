"""What can be done with beads from here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.errors import NotFound
from bot.operations.services import Services


def _workdir(app: Services, workdir: str | None) -> Path:
    return Path(workdir) if workdir else app.settings.root(app.home)


async def ready(app: Services, *, workdir: str | None = None) -> list[dict[str, Any]]:
    """The beads that could be worked on now, best first, with who of ours holds one."""
    beads = await app.book.for_workdir(_workdir(app, workdir))
    held = {claim.bead: claim.agent for claim in await app.claims.all_open()}
    return [{**bead.as_dict(), "agent": held.get(bead.id)} for bead in await beads.ready()]


async def in_progress(app: Services, *, workdir: str | None = None) -> list[dict[str, Any]]:
    beads = await app.book.for_workdir(_workdir(app, workdir))
    held = {claim.bead: claim.agent for claim in await app.claims.all_open()}
    return [{**bead.as_dict(), "agent": held.get(bead.id)} for bead in await beads.in_progress()]


async def show(app: Services, *, id: str, workdir: str | None = None) -> dict[str, Any]:  # noqa: A002
    bead = await (await app.book.for_workdir(_workdir(app, workdir))).show(id)
    return bead.as_dict()


async def release(app: Services, *, actor: str, id: str, workdir: str | None = None) -> dict[str, Any]:  # noqa: A002
    """Give back a bead that one of our agents holds."""
    claims = [claim for claim in await app.claims.all_open() if claim.bead == id]
    if not claims:
        raise NotFound.of("claimed bead", id, [claim.bead for claim in await app.claims.all_open()])
    for claim in claims:
        await app.claims.release(claim.bead, claim.agent, f"released by {actor}", repo=claim.repo)
    return {"bead": id, "released": [claim.agent for claim in claims]}
