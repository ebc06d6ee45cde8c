"""What has to be remembered over a restart, each thing in a row of its own: the active pack, which profile served last,
what was told of whom."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

from bot.store.engine import Transaction
from bot.store.tables import SettingRow

Value = TypeVar("Value")


async def get(tx: Transaction, key: str, default: Value) -> Value:
    """What was put there; `default` where nothing was, or something of another type than `default` has."""
    row = await tx.get(SettingRow, key)
    return row.value if row is not None and isinstance(row.value, type(default)) else default


async def put(tx: Transaction, key: str, value: Any) -> None:
    """Remember `value`, which must be JSON, with the transaction; what stands there already is not written again."""
    row = await tx.get(SettingRow, key)
    if row is None:
        tx.add(SettingRow(key=key, value=value, changed_at=datetime.now(UTC)))
    elif row.value != value:
        row.value, row.changed_at = value, datetime.now(UTC)
