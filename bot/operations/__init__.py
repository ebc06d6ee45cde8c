"""The operations: what a person can have done, by name; shared by command line, control socket and chat."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from bot.operations import agent, bead, broadcast, closed, health, hooks, life, pack, people, planned, quota, task
from bot.operations.rights import check, reads
from bot.operations.services import Services

Operation = Callable[..., Awaitable[Any]]

OPERATIONS: dict[str, Operation] = {
    "agent.types": agent.types,
    "agent.create": agent.create,
    "agent.start": agent.start,
    "agent.stop": agent.stop,
    "agent.restart": agent.restart,
    "agent.delete": agent.delete,
    "agent.list": agent.list_,
    "agent.show": agent.show,
    "agent.health": agent.health,
    "agent.capture": agent.capture,
    "agent.send": agent.send,
    "agent.interrupt": agent.interrupt,
    "agent.explain": agent.explain,
    "agent.adopt": life.adopt,
    "agent.run": life.run,
    "agent.freeze": life.freeze,
    "agent.thaw": life.thaw,
    "agent.planned": planned.planned,
    "agent.decline": planned.decline,
    "agent.allow": planned.allow,
    "cleanup": life.cleanup,
    "broadcast.draft": broadcast.draft,
    "broadcast.show": broadcast.show,
    "broadcast.apply": broadcast.apply,
    "broadcast.cancel": broadcast.cancel,
    "broadcast.status": broadcast.status,
    "pack.list": pack.list_,
    "pack.show": pack.show,
    "pack.use": pack.use,
    "bead.ready": bead.ready,
    "bead.show": bead.show,
    "bead.release": bead.release,
    "quota.status": quota.status,
    "quota.text": quota.text,
    "quota.export": quota.export,
    "quota.alerts": quota.alerts,
    "quota.select": quota.select,
    "quota.chart": quota.chart,
    "quota.record": quota.record,
    "quota.mute": quota.mute,
    "quota.rotate": quota.rotate,
    "profile.list": quota.profiles,
    "profile.add": quota.add_profile,
    "profile.edit": quota.edit_profile,
    "profile.remove": quota.remove_profile,
    "task.claim": task.claim,
    "pair.create": people.pair,
    "people.list": people.people,
    "people.role": people.set_role,
    "people.remove": people.remove,
    "hooks.status": hooks.status,
    "hooks.install": hooks.install,
    "hooks.remove": hooks.remove,
    "chats.closed": closed.closed,
    "health": health.health,
    "audit": health.audit,
    "ping": health.ping,
    "whoami": health.whoami,
}

__all__ = ["OPERATIONS", "Operation", "Services", "check", "reads"]
