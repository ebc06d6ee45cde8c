"""Quota on a phone: all accounts, one account, alerts, the picture, and what became of a move."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiogram.utils.formatting import Bold, Code, Text, as_list

from bot.excerpt import clipped
from bot.operations import Services, quota
from bot.quota.levels import EMOJI, Level
from bot.quota.lines import clock, span
from bot.quota.reading import limit_title
from bot.quota.status import ProfileStatus, WindowStatus
from bot.store.tables import QuotaToldRow, RotationRow
from bot.telegram.callbacks import QuotaTap
from bot.telegram.card import Card, Message, RenderContext
from bot.telegram.keyboards import Button, in_rows
from bot.telegram.links import tappable
from handlers.wording import counted

MAX_BUTTONS = 12
NOTE, MOST_NOTES = 160, 2  # characters, lines: it stands under a picture, which bears a short text only
_SHORT = re.compile(r"[A-Za-z0-9._-]{1,20}")


def mark(name: str) -> str:
    """A name as a button can carry it: itself, or a hash of it (names come from files and providers)."""
    return name if _SHORT.fullmatch(name) else "~" + hashlib.sha256(name.encode()).hexdigest()[:10]


def named(token: str, names: Iterable[str]) -> str | None:
    """The name behind a mark."""
    return next((name for name in names if mark(name) == token), None)


def cards(app: Services) -> dict[str, Card]:
    """Everything that is told about accounts, by kind."""
    told = QuotaCards(app)
    return {
        "quota": told.everyone,
        "quota-profile": told.one,
        "quota-chart": told.chart,
        "quota-alert": told.alert,
        "quota-digest": told.digest,
        "alerts": told.alerts,
        "rotation": told.rotation,
        "wish": stays,
    }


class QuotaCards:
    """Fetches what each card shows."""

    def __init__(self, app: Services) -> None:
        self._app = app

    async def everyone(self, data: Mapping[str, Any], context: RenderContext) -> Message:
        """data: {"dark": bool}."""
        statuses = await self._app.quota.fresh()
        if not statuses:
            return Message(Text("No accounts yet. On the machine:\n", Code("maf quota profile add codex-plus-1")))
        dark = bool(data.get("dark"))
        picture = await self._app.quota.picture(statuses, dark=dark)
        return overview(statuses, context, self._app.quota.notes, dark=dark, picture=picture)

    async def one(self, data: Mapping[str, Any], context: RenderContext) -> Message:
        """data: {"profile": NAME}."""
        status = await self._status(data)
        if status is None:
            return Message(Text(f"There is no profile {data['profile']} any more."))
        return account(status, await self._agents(status.profile.name), context)

    async def chart(self, data: Mapping[str, Any], _context: RenderContext) -> Message | None:
        """data: {"profile": NAME, "dark": bool}."""
        status = await self._status(data)
        if status is None:
            return None
        dark, name = bool(data.get("dark")), status.profile.name
        flip = _tap("☀️" if dark else "🌙", "light" if dark else "dark", name)
        return Message(Text(Bold(f"📈 {name}")), [[flip]], photo=await self._app.quota.picture([status], dark=dark))

    async def alert(self, data: Mapping[str, Any], context: RenderContext) -> Message:
        """data: as bot.quota.alarm.notice_data gives it."""
        profile, window = str(data["profile"]), str(data["window"])
        async with context.store.begin() as tx:
            row = await tx.get(QuotaToldRow, (profile, window))
        until = row.muted_until if row is not None else None
        muted = until if until is not None and until > context.now.timestamp() else None
        return alert_of(data, await self._agents(profile), muted, context)

    async def digest(self, data: Mapping[str, Any], context: RenderContext) -> Message:
        """data: {"alerts": [alert, …]}."""
        return digest_of(data.get("alerts") or (), context)

    async def alerts(self, _data: Mapping[str, Any], context: RenderContext) -> Message:
        return alerts_of(await quota.alerts(self._app), context)

    async def rotation(self, data: Mapping[str, Any], context: RenderContext) -> Message | None:
        """data: {"rotation": ID}."""
        async with context.store.begin() as tx:
            row = await tx.get(RotationRow, int(data["rotation"]))
        if row is None:
            return None
        return rotation_of(row, [claim.bead for claim in await self._app.claims.of(row.agent)])

    async def _status(self, data: Mapping[str, Any]) -> ProfileStatus | None:
        await self._app.quota.fresh()
        return self._app.quota.status(str(data["profile"]))

    async def _agents(self, profile: str) -> list[str]:
        agents = await self._app.registry.all()
        return [agent.id for agent in agents if agent.profile == profile and agent.desired == "running"]


def _tap(label: str, verb: str, profile: str, window: str = "") -> Button:
    return Button(label, QuotaTap(profile=mark(profile), verb=verb, window=mark(window) if window else ""))


def overview(
    statuses: Sequence[ProfileStatus],
    context: RenderContext,
    notes: Sequence[str] = (),
    *,
    dark: bool,
    picture: bytes,
) -> Message:
    """A compact table over the picture; a button per account. `notes`: what is wrong with the configuration."""
    now = context.now.timestamp()
    lines: list[Text | str] = [
        Bold(f"📊 {counted(len(statuses), 'account')} · {context.now.astimezone(context.zone):%H:%M}")
    ]
    for status in statuses:
        lines.append(Text(f"{status.mark} ", Bold(status.profile.name), f"  {_windows(status)}"))
        if (when := _when(status, context, now)) and status.level >= Level.ALERT:
            lines.append(f"      {when}")
    lines += [f"⚠️ {clipped(note, NOTE)}" for note in notes[:MOST_NOTES]]
    buttons = in_rows([_tap(s.profile.name, "show", s.profile.name) for s in statuses[:MAX_BUTTONS]], width=2)
    return Message(as_list(*lines), [*buttons, _foot(dark)], photo=picture)


def _foot(dark: bool) -> list[Button]:
    flip = ("☀️", "light") if dark else ("🌙", "dark")
    return [
        Button("↻", QuotaTap(profile="", verb="refresh")),
        Button(flip[0], QuotaTap(profile="", verb=flip[1])),
        Button("🔔 Alerts", QuotaTap(profile="", verb="alerts")),
    ]


def _windows(status: ProfileStatus) -> str:
    if not status.profile.active:
        return "off"
    if not status.profile.tracked:
        return "not tracked"
    if status.login == "needed":
        return "log in again"
    main = [w for w in status.windows.values() if w.main]
    return " · ".join(f"{w.name} {w.percent:.0f} %" for w in main) or "no data yet"


def _when(status: ProfileStatus, context: RenderContext, now: float) -> str:
    worst = status.worst
    return _times(worst.empties_at, worst.resets_at, context, now) if worst else ""


def _times(empties: float | None, resets: float | None, context: RenderContext, now: float) -> str:
    """At this pace empty 14:20, resets 16:05."""
    parts = [f"at this pace empty {clock(empties, context.zone, now)}"] if empties and empties > now else []
    if resets is not None and resets > now:
        parts.append(f"resets {clock(resets, context.zone, now)}")
    return ", ".join(parts)


def account(status: ProfileStatus, agents: Sequence[str], context: RenderContext) -> Message:
    """One account in full."""
    now, name = context.now.timestamp(), status.profile.name
    title = f" · {status.profile.title}" if status.profile.title != name else ""
    lines: list[Text | str] = [Text(Bold(f"{status.mark} {name}"), title)]
    for window in status.windows.values():
        lines.append(_window_line(window))
        when = _times(window.empties_at, window.resets_at, context, now)
        said_by = "by hand" if window.source == "hand" else window.source
        source = "counted here" if window.local else f"{said_by}, {span(now - window.at)} old"
        lines.append(f"      {when + ' · ' if when else ''}{source}")
    if not status.windows:
        lines.append(_windows(status))
    lines.append("runs on it: " + (" ".join(agents) or "nobody"))
    lines += [f"⚠️ {one.name}: {one.error[:80]}" for one in status.sources if not one.ok]
    row = [_tap("📈 Chart", "chart", name), _tap("↻", "refresh", name)]
    if agents:
        row.insert(0, _tap("🔄 Rotate when idle", "rotate", name))
    return Message(as_list(*lines), [row])


def _window_line(window: WindowStatus) -> str:
    used = f" ({window.used}/{window.limit})" if window.limit else ""
    return f"{EMOJI[window.level]} {limit_title(window.name)} at {window.percent:.0f} %{used}"


def alert_of(
    data: Mapping[str, Any], agents: Sequence[str], muted_until: float | None, context: RenderContext
) -> Message:
    """What happened, when it ends, who is on it, and what can be done."""
    now, name, window = context.now.timestamp(), str(data["profile"]), str(data["window"])
    lines: list[Text | str] = [Bold(_alert_head(data))]
    if data["kind"] != "recovery" and (when := _times(data["empties_at"], data["resets_at"], context, now)):
        lines.append(when)
    lines.append("runs on it: " + (" ".join(agents) or "nobody"))
    if data["kind"] == "recovery":
        return Message(as_list(*lines), [[_tap("📈", "chart", name)]])
    if muted_until is not None:
        lines.append(f"🔕 until {clock(muted_until, context.zone, now)}")
        mute = _tap("🔔 Alert again", "unmute", name, window)
    else:
        mute = _tap("🔕 Until reset", "mute", name, window)
    row = [mute, _tap("📈", "chart", name)]
    if agents:
        row.insert(0, _tap("🔄 Rotate when idle", "rotate", name))
    return Message(as_list(*lines), [row])


def _alert_head(data: Mapping[str, Any]) -> str:
    level, name, window = Level[str(data["level"]).upper()], data["profile"], str(data["window"])
    if data["kind"] == "recovery":
        return f"🟢 {name} · {limit_title(window)} is back, {data['percent']:.0f} % used"
    if level is Level.EXHAUSTED:
        return f"{EMOJI[level]} {name} · {limit_title(window)} is used up"
    return f"{EMOJI[level]} {name} · {limit_title(window)} at {data['percent']:.0f} %"


def digest_of(alerts: Sequence[Mapping[str, Any]], context: RenderContext) -> Message:
    """What was held back in quiet hours, oldest first."""
    lines: list[Text | str] = [Bold(f"🌅 Quota while you slept · {len(alerts)}")]
    now = context.now.timestamp()
    lines += [f"{clock(one['at'], context.zone, now)}  {_alert_head(one)}" for one in alerts]
    return Message(as_list(*lines), [[Button("📊 Now", QuotaTap(profile="", verb="show"))]])


def alerts_of(found: Sequence[Mapping[str, Any]], _context: RenderContext) -> Message:
    """Alerts that stand and windows that are muted; a button each."""
    if not found:
        return Message(tappable("🔔 No alert stands.\nWhat is left: /quota"))
    lines: list[Text | str] = [Bold(f"🔔 {counted(len(found), 'alert')}")]
    rows = []
    for one in found:
        level = Level[str(one["level"]).upper()]
        now = f" · now {one['percent']:.0f} %" if one["percent"] is not None else ""
        quiet = "  🔕" if one["muted_until"] else ""
        lines.append(f"{EMOJI[level] if one['open'] else '–'} {one['profile']} {one['window']}{now}{quiet}")
        verb, label = ("unmute", "🔔") if one["muted_until"] else ("mute", "🔕")
        rows.append(_tap(f"{label} {one['profile']} {one['window']}", verb, one["profile"], one["window"]))
    return Message(as_list(*lines), in_rows(rows[:MAX_BUTTONS], width=1))


async def stays(data: Mapping[str, Any], _context: RenderContext) -> Message:
    """data: {"agent", "why"}: a wish to have it moved that was not granted."""
    return Message(Text(f"⚠️ {data['why']}"), [[Button("📊 Quota", QuotaTap(profile="", verb="show"))]])


def rotation_of(row: RotationRow, held: Sequence[str]) -> Message:
    """How a move ended."""
    bead = f"\nit keeps {', '.join(held)}" if held else ""
    if row.outcome == "moved":
        return Message(
            as_list(Bold(f"🔄 {row.agent} runs on {row.target} now"), Text(f"was on {row.source}: {row.reason}{bead}"))
        )
    if row.outcome == "cut off":
        return Message(
            as_list(
                Bold(f"🔄 The move of {row.agent} was cut off"),
                Text(f"from {row.source} to {row.target}. {row.detail}{bead}"),
            )
        )
    head = f"⚠️ {row.agent} stays on {row.source}"
    if row.outcome == "stuck":
        head = f"💥 {row.agent} answers neither on {row.target} nor on {row.source}"
    return Message(as_list(Bold(head), Text(f"{row.target} did not work: {row.detail}{bead}")))
