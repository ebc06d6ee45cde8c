"""What can be done with agents. Each function returns the JSON that `maf … --json` prints (contract.md section 1)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.agents.model import AgentView
from bot.agents.resources.usage import strained
from bot.agents.types import load_types, type_named
from bot.clock import iso
from bot.errors import Refused, WrongUsage
from bot.notices import kind_of, post
from bot.operations.services import Services
from bot.store.audit import note

MAX_LINES = 2000
ONE_SHOT_S = 1.0


async def types(app: Services) -> list[dict[str, Any]]:
    """The types that agents can be made of."""
    return [
        {"name": t.name, "kind": t.kind, "role": t.role, "description": t.description}
        for t in load_types(app.home).values()
    ]


async def _shown(app: Services, view: AgentView) -> dict[str, Any]:
    held = [claim.bead for claim in await app.claims.of(view.id)]
    why = app.accounts.reasons.pop(view.id, "")
    return {
        **({"profile_reason": why} if why else {}),
        **view.as_dict(held[0] if held else None),
        "stats": (await app.statistics.now([view]))[view.id],
    }


async def create(
    app: Services,
    *,
    type: str,  # noqa: A002 - the word of the command line and of the contract
    id: str | None = None,  # noqa: A002
    profile: str | None = None,
    workdir: str | None = None,
    labels: Sequence[str] = (),
    description: str = "",
    start: bool = True,
    worktree: bool = False,
) -> dict[str, Any]:
    """A new agent, started unless told not to; with a git worktree of its own if asked for."""
    app.accounts.check(type_named(load_types(app.home), type).kind, profile)
    agent = await app.life.create(
        type,
        agent_id=id,
        profile=profile,
        workdir=Path(workdir) if workdir else None,
        labels=tuple(labels),
        description=description,
        start=start,
        own_tree=worktree,
    )
    note(agent=agent.id, profile=agent.profile, workdir=str(agent.workdir))
    return await _shown(app, await app.watch.fresh(agent.id))


async def start(app: Services, *, id: str, fresh: bool = False) -> dict[str, Any]:  # noqa: A002
    """Start it, with its conversation unless `fresh`."""
    await app.rotation.give_way(id)
    await app.life.start(id, fresh=fresh)
    return await _shown(app, await app.watch.fresh(id))


async def stop(app: Services, *, id: str) -> dict[str, Any]:  # noqa: A002
    await app.rotation.give_way(id)
    await app.life.stop(id)
    return await _shown(app, await app.watch.fresh(id))


async def restart(app: Services, *, id: str) -> dict[str, Any]:  # noqa: A002
    await app.rotation.give_way(id)
    await app.life.restart(id)
    return await _shown(app, await app.watch.fresh(id))


async def delete(app: Services, *, id: str) -> dict[str, Any]:  # noqa: A002
    """End an agent for good; all that it held is let go."""
    ended = (await app.ending.end(id)).as_dict()
    note(**{name: ended[name] for name in ("claims", "reservations", "worktree", "problems")})
    return ended


async def list_(app: Services) -> list[dict[str, Any]]:
    """Every agent as it is now."""
    if not app.background:
        await app.watch.shown()
    held = {claim.agent: claim.bead for claim in await app.claims.all_open()}
    views = app.watch.views()
    stats = await app.statistics.now(views)
    return [{**view.as_dict(held.get(view.id)), "stats": stats[view.id]} for view in views]


async def health(app: Services, *, id: str | None = None) -> list[dict[str, Any]]:  # noqa: A002
    """What each agent (or this one) takes of the machine, how full its context is, and what it has done so far."""
    if id is not None:
        await app.registry.get(id)
    if not app.background:
        # A share of the CPU needs two samples.
        app.watch.resources.every = ONE_SHOT_S
        await app.watch.shown()
        await asyncio.sleep(ONE_SHOT_S)
        await app.watch.shown()
    views = [view for view in app.watch.views() if id in (None, view.id)]
    stats = await app.statistics.now(views)
    return [_health(app, view, stats[view.id]) for view in views]


def _health(app: Services, view: AgentView, stats: dict[str, Any]) -> dict[str, Any]:
    history = app.watch.resources.history(view.id)
    look = app.watch.last(view.id)
    usage = history[-1].as_dict() if history else dict.fromkeys(("cpu_percent", "rss_mb", "processes", "age_s"))
    return {
        "id": view.id,
        "state": str(view.state),
        "state_since": iso(view.since),
        **usage,
        "context_percent": look.files.context.percent if look is not None else None,
        "warnings": sorted(strained(history)),
        "stats": stats,
    }


async def show(app: Services, *, id: str) -> dict[str, Any]:  # noqa: A002
    return await _shown(app, await app.watch.fresh(id))


async def capture(app: Services, *, id: str, lines: int = 0) -> dict[str, Any]:  # noqa: A002
    """The screen of an agent as plain text and with its colours; `lines` of history above it too.

    -> {"agent","text","ansi","title","width","cursor": [column, line of ansi] or null}
    """
    agent = await app.registry.get(id)
    if not 0 <= lines <= MAX_LINES:
        raise WrongUsage(f"{lines} lines cannot be shown.", hint=f"Ask for 0 to {MAX_LINES}.")
    # Looked at first: after a tmux server has ended, the next one gives the same pane ids to others.
    look = (await app.watch.look([id]))[id]
    screen = await app.panes.whole(agent.pane, history=lines) if agent.pane and look.pane is not None else None
    if screen is None:
        raise Refused(f"{id} has no screen: it is not running.", hint=f"Start it: maf agent start {id}")
    screen = replace(screen, ansi=app.secrets.blank(screen.ansi))
    text = "\n".join(line.rstrip() for line in screen.plain.split("\n")).rstrip("\n")
    seen = {"ansi": screen.ansi, "title": screen.title, "width": screen.width, "cursor": screen.cursor}
    return {"agent": id, "text": text, **seen}


async def send(
    app: Services,
    *,
    actor: str,
    id: str,  # noqa: A002
    text: str,
    now: bool = False,
    wait: float = 15.0,
    raw: bool = False,
) -> dict[str, Any]:
    """One prompt to one agent; the delivery as it stands after at most `wait` seconds, with its proof."""
    delivery = await app.deliveries.send(id, text, now=now, wait=wait, raw=raw, created_by=actor)
    note(delivery=delivery.id, status=delivery.status)
    return delivery.as_dict()


async def send_and_tell(
    app: Services,
    *,
    actor: str,
    id: str,  # noqa: A002
    text: str,
    chat_id: int,
    asked: str | None = None,
) -> None:
    """The same for the chat: the message that tells how far it came is written together with the delivery. `asked`:
    the key of the message that asked whom the text is for; it becomes this one, and the text goes out once."""
    key = asked or f"delivery:{secrets.token_hex(6)}"
    async with app.store.begin() as tx:
        if asked is not None and await kind_of(tx, asked, chat_id) != "whom":
            raise Refused("That text was given to somebody already.")
        delivery = await app.deliveries.create(tx, agent=id, text=text, created_by=actor, notice_key=key)
        await post(tx, "delivery", {"delivery": delivery.id}, chat_id=chat_id, key=key)
    note(delivery=delivery.id)
    app.spawn(app.deliveries.run(delivery.id), f"send {delivery.id}")


async def interrupt(app: Services, *, id: str) -> dict[str, Any]:  # noqa: A002
    """Stop what the agent does now. -> the agent, with "stopped" and "composer": empty, cleared (its prompt had come
    back into it) or text (something stands there that may be a person's)."""
    done = await app.interrupts.interrupt(id)
    note(stopped=done.stopped, composer=done.composer)
    shown = await _shown(app, done.look.view)
    return {**shown, "stopped": done.stopped, "composer": done.composer}


async def explain(app: Services, *, id: str) -> dict[str, Any]:  # noqa: A002
    """Why an agent counts as being in its state: the rule and every signal with its age and vote."""
    view = await app.watch.fresh(id)
    look = app.watch.last(id)
    signals = [signal.as_dict() for signal in look.signals] if look else []
    return {"agent": id, "state": str(view.state), "rule": view.rule, "signals": signals}
