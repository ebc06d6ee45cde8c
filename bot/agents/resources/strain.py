"""Telling a person that an agent takes much of the machine: once, and then not before it has recovered."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from bot.agents.resources.usage import strained
from bot.agents.state.watch import Watch
from bot.notices import post
from bot.store import Store, setting

_ROW = "strain"


@dataclass(slots=True)
class _Told:
    key: str
    over: list[str] = field(default_factory=list)


class Strain:
    """What was told is kept in the store, so that a restart does not tell it again."""

    def __init__(self, store: Store, watch: Watch) -> None:
        self._store = store
        self._watch = watch
        self._told: dict[str, _Told] | None = None

    async def check(self) -> None:
        """Compare the last samples with the thresholds."""
        told = await self._load()
        for view in self._watch.views():
            history = self._watch.resources.history(view.id)
            if not history:
                continue
            before = told.get(view.id)
            over = strained(history, frozenset(before.over) if before else frozenset())
            if over == frozenset(before.over if before else ()):
                continue
            usage = history[-1].as_dict()
            new = over - frozenset(before.over if before else ())
            key = f"strain:{secrets.token_hex(6)}" if new or before is None else before.key
            now = {**told, view.id: _Told(key, sorted(over))}
            if not over:
                del now[view.id]
            await self._tell(view.id, key, sorted(over), usage, now)
            self._told = told = now  # only then: what was not written is told at the next look

    async def _tell(
        self, agent: str, key: str, over: list[str], usage: dict[str, object], told: dict[str, _Told]
    ) -> None:
        value = {name: {"key": one.key, "over": one.over} for name, one in told.items()}
        async with self._store.begin() as tx:
            await post(tx, "strain", {"agent": agent, "over": over, "usage": usage}, key=key)
            await setting.put(tx, _ROW, value)

    async def _load(self) -> dict[str, _Told]:
        if self._told is None:
            async with self._store.begin() as tx:
                value: dict[str, dict[str, Any]] = await setting.get(tx, _ROW, {})
            self._told = {name: _Told(str(one["key"]), list(one["over"])) for name, one in value.items()}
        return self._told
