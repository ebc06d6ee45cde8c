"""Alerts as rows and notices: what was told is written in the same transaction as the message that tells it."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from bot.clock import reset_epoch
from bot.mail import announce, letters
from bot.notices import post
from bot.profiles.config import Thresholds
from bot.quota.alerts import Due, Told, step
from bot.quota.levels import Level, alert_level
from bot.quota.reading import limit_title
from bot.quota.status import LOCAL, ProfileStatus, WindowStatus
from bot.store import Store, Transaction
from bot.store.tables import OutboxRow, QuotaToldRow

NOTICE = "quota-alert"
DIGEST = "quota-digest"


async def post_due(
    store: Store,
    statuses: Sequence[ProfileStatus],
    thresholds: Thresholds,
    *,
    quiet_until: datetime | None = None,
    mail: bool = False,
) -> list[dict[str, Any]]:
    """`review` in a transaction of its own; once more where another bot on the same store wrote the first row of a
    window at the same moment."""
    try:
        async with store.begin() as tx:
            return await review(tx, statuses, thresholds, quiet_until=quiet_until, mail=mail)
    except IntegrityError:
        async with store.begin() as tx:
            return await review(tx, statuses, thresholds, quiet_until=quiet_until, mail=mail)


async def review(
    tx: Transaction,
    statuses: Iterable[ProfileStatus],
    thresholds: Thresholds,
    *,
    quiet_until: datetime | None = None,
    mail: bool = False,
) -> list[dict[str, Any]]:
    """Compare every tracked window with what was told of it; post what is due. Returns what was posted.

    The row is locked, so two bots on one PostgreSQL store tell each thing once. In quiet hours everything but an
    emergency is gathered into one message, which the outbox holds until `quiet_until`. With `mail`, the agents are
    told as well, in Agent Mail.
    """
    posted = []
    for status in statuses:
        if not status.profile.tracked or not status.profile.active:
            continue
        due = [await _of_window(tx, status, window, thresholds) for window in status.windows.values()]
        for data in [one for one in [*due, *await _of_the_gone(tx, status)] if one is not None]:
            await _tell(tx, data, quiet_until=quiet_until)
            if mail:
                await announce(tx, letters.of_alert(data), datetime.fromtimestamp(status.at, UTC))
            posted.append(data)
    return posted


async def _of_window(
    tx: Transaction, status: ProfileStatus, window: WindowStatus, thresholds: Thresholds
) -> dict[str, Any] | None:
    row = await _row(tx, status.profile.name, window.name)
    level = alert_level(window.percent, window.reached, thresholds, alert_percent=status.profile.alert_percent)
    told = Told(_near(row.instance, status.at), Level(row.highest), row.open)
    told, due = step(told, level, window.resets_at, status.at, length=window.minutes * 60)
    row.instance, row.highest, row.open = told.instance, int(told.highest), told.open
    muted_until = _near(row.muted_until, status.at)
    if due is None or (muted_until is not None and status.at < muted_until):
        return None
    return notice_data(status, window, due)


def _near(moment: float | None, now: float) -> float | None:
    """A reset time that was stored; none for one that cannot be, which would silence its window for good."""
    return reset_epoch(moment, near=now)


async def _of_the_gone(tx: Transaction, status: ProfileStatus) -> list[dict[str, Any]]:
    """Recoveries of windows that reset while nobody looked, so long ago that nothing is known of them now."""
    rows = await tx.scalars(
        select(QuotaToldRow).where(
            QuotaToldRow.profile == status.profile.name,
            QuotaToldRow.window.not_in(status.windows),
            QuotaToldRow.open,
            QuotaToldRow.instance <= status.at,
        )
    )
    told = []
    for row in rows:
        row.instance, row.highest, row.open = None, int(Level.HEALTHY), False
        if row.window not in LOCAL:  # else its limit was taken away, and it did not reset
            gone = WindowStatus(row.window, 0.0, Level.HEALTHY, None, "", status.at)
            told.append(notice_data(status, gone, Due("recovery", Level.HEALTHY)))
    return told


async def _tell(tx: Transaction, data: dict[str, Any], *, quiet_until: datetime | None) -> None:
    urgent = Level[data["level"].upper()] >= Level.EMERGENCY
    if urgent or quiet_until is None:
        await post(tx, NOTICE, data, key=f"{NOTICE}:{secrets.token_hex(6)}", urgent=urgent)
        return
    key = f"{DIGEST}:{quiet_until.isoformat()}"
    held = await tx.scalar(select(OutboxRow).where(OutboxRow.key == key).limit(1))
    gathered = [*(held.data.get("alerts", []) if held is not None else []), data]
    await post(tx, DIGEST, {"alerts": gathered}, key=key)


async def _row(tx: Transaction, profile: str, window: str) -> QuotaToldRow:
    row = await tx.scalar(
        select(QuotaToldRow).where(QuotaToldRow.profile == profile, QuotaToldRow.window == window).with_for_update()
    )
    if row is None:
        row = QuotaToldRow(profile=profile, window=window, highest=0, open=False)
        tx.add(row)
        await tx.flush()
    return row


def notice_data(status: ProfileStatus, window: WindowStatus, due: Due) -> dict[str, Any]:
    """What the card needs: profile, window and its title, percent, reset and forecast (epoch s), kind and level."""
    return {
        "profile": status.profile.name,
        "window": window.name,
        "title": limit_title(window.name),
        "percent": round(window.percent, 1),
        "resets_at": window.resets_at,
        "empties_at": window.empties_at,
        "kind": due.kind,
        "level": due.level.word,
        "at": status.at,
    }


async def mute(tx: Transaction, profile: str, window: str, until: float) -> None:
    """No more alerts of this window until then (epoch s)."""
    (await _row(tx, profile, window)).muted_until = until


async def unmute(tx: Transaction, profile: str, window: str) -> None:
    (await _row(tx, profile, window)).muted_until = None


async def listed(tx: Transaction, profiles: Collection[str], now: float) -> list[Mapping[str, Any]]:
    """Every window of these profiles that something was told of or that is muted, for `/alerts`."""
    rows = await tx.scalars(
        select(QuotaToldRow)
        .where(QuotaToldRow.profile.in_(profiles))
        .order_by(QuotaToldRow.profile, QuotaToldRow.window)
    )
    return [
        {
            "profile": row.profile,
            "window": row.window,
            "level": Level(row.highest).word,
            "open": row.open,
            "muted_until": muted_until if muted_until and muted_until > now else None,
        }
        for row in rows
        if ((muted_until := _near(row.muted_until, now)) and muted_until > now) or row.open
    ]
