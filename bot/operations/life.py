"""What can be done with an agent's life beyond start and stop: adopt, run, hold, restore, clean up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from bot.errors import MafError
from bot.operations import agent
from bot.operations.services import Services
from bot.store.audit import note


async def adopt(
    app: Services,
    *,
    pane: str,
    type: str,  # noqa: A002 - the word of the command line and of the contract
    id: str | None = None,  # noqa: A002
    socket: str | None = None,
    labels: Sequence[str] = (),
) -> dict[str, Any]:
    """Take over an agent that a person started in a pane of theirs."""
    agent = await app.adoption.adopt(pane, type, server=socket, agent_id=id, labels=tuple(labels))
    note(agent=agent.id)
    await app.diary.write(agent.id, f"adopted in pane {agent.pane}")
    return (await app.watch.fresh(agent.id)).as_dict()


async def run(app: Services, *, id: str, command: str) -> dict[str, Any]:  # noqa: A002
    """Begin a command in a side window; who asked follows its files. -> {"agent","folder","pane"}"""
    begun = await app.runs.start(id, command)
    await app.diary.write(id, f"runs beside it: {command[:200]}")
    return {"agent": begun.agent, "folder": str(begun.folder), "pane": begun.pane}


async def freeze(app: Services, *, id: str | None = None) -> dict[str, Any]:  # noqa: A002
    """Hold one agent, or all that run. -> {"agents":[…],"refused":{id: why}}"""
    return await _hold(app, id, frozen=True)


async def thaw(app: Services, *, id: str | None = None) -> dict[str, Any]:  # noqa: A002
    """Let one agent go on, or all that are held. -> as freeze"""
    return await _hold(app, id, frozen=False)


async def _hold(app: Services, agent_id: str | None, *, frozen: bool) -> dict[str, Any]:
    if agent_id is None:
        done, refused = await app.hold.all(frozen=frozen)
        note(agents=done, refused=refused)
        return {"agents": done, "refused": refused}
    await (app.hold.freeze if frozen else app.hold.thaw)(agent_id)
    return {"agents": [agent_id], "refused": {}}


async def stop(app: Services, *, ids: Sequence[str]) -> dict[str, Any]:
    """End those of these agents that should run. -> {"agents":[…],"refused":{id: why}}"""
    wanted = [one.id for one in await app.registry.all() if one.id in ids and one.desired == "running"]
    failed: dict[str, str] = {}

    async def end(name: str) -> None:
        try:
            await agent.stop(app, id=name)
        except MafError as error:
            failed[name] = error.message

    await asyncio.gather(*(end(name) for name in wanted))
    done = [name for name in wanted if name not in failed]
    note(agents=done, refused=failed)
    return {"agents": done, "refused": failed}


async def restore(app: Services) -> dict[str, Any]:
    """Bring back every agent that should run. -> {"started":[…],"failed":{id: why}}"""
    restored = await app.guardian.restore(asked=True)
    note(started=list(restored.started), failed=dict(restored.failed))
    return {"started": list(restored.started), "failed": dict(restored.failed)}


async def cleanup(app: Services, *, dry_run: bool = False) -> dict[str, Any]:
    """Remove what is ours and wanted no more. -> {"dry_run","removed":[{"what","id","why","outcome"}]}"""
    removed = await app.cleanup.run(dry_run=dry_run)
    note(removed=[f"{one['what']} {one['id']}: {one['outcome']}" for one in removed])
    return {"dry_run": dry_run, "removed": removed}
