"""What can be done with drafts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.operations.services import Services

# How long `maf broadcast apply` waits for the items to settle; what is still queued then stays queued.
SETTLE_S = 60.0


async def draft(
    app: Services,
    *,
    actor: str,
    only: Sequence[str] | None = None,
    idle_only: bool = False,
    text: str | None = None,
) -> dict[str, Any]:
    """Plan a broadcast. Nothing is sent."""
    made = await app.drafts.draft(actor, only=tuple(only or ()), idle_only=idle_only, text=text)
    return made.as_dict()


async def show(app: Services, *, draft: str | None = None) -> dict[str, Any]:
    return (await app.drafts.get(draft)).as_dict()


async def apply(
    app: Services,
    *,
    actor: str,
    draft: str,
    version: int | None = None,
    items: Sequence[str] | None = None,
    wait: float = SETTLE_S,
) -> dict[str, Any]:
    """Send a draft, or some agents' items of it; the draft as it is when each has settled or is queued."""
    await app.drafts.get(draft)
    taken = await app.apply.apply(draft, version, actor, items=list(items) if items else None)
    return (await app.apply.finished(taken.id, wait, queued_too=True)).as_dict()


async def cancel(app: Services, *, actor: str, draft: str | None = None) -> dict[str, Any]:
    return (await app.drafts.cancel(draft, actor)).as_dict()


async def status(app: Services, *, draft: str | None = None) -> dict[str, Any]:
    """A draft, the newest without an id, with the evidence of each delivery."""
    return (await app.drafts.get(draft)).as_dict()
