"""What can be done about quota. Each function returns the JSON that `maf quota … --json` prints (contract.md)."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.clis.homes import HOMES
from bot.errors import NotFound, Refused, WrongUsage
from bot.fleet.accounts import reasons
from bot.operations.services import Services
from bot.profiles.book import Profile, login_steps
from bot.quota import alarm, lines
from bot.quota.ledger import Use
from bot.quota.reading import Reading
from bot.quota.selection import Choice
from bot.quota.status import ProfileStatus, iso
from bot.quota.windows import window_minutes, window_name
from bot.store.audit import note

NO_PROFILES = "No profiles yet. Add one: maf quota profile add NAME"
FORMATS = ("tmux", "compact", "table")
SINCE_S = 24 * 3600.0
AHEAD_S = 300.0  # by which another clock may be fast


async def _statuses(app: Services, refresh: bool) -> list[ProfileStatus]:
    """Raises ConfigError where no profile is known because their file does not fit."""
    found = await (app.quota.refresh(force=True) if refresh else app.quota.fresh())
    _or_problem(app, found)
    return found


def _or_problem(app: Services, found: Sequence[object]) -> None:
    if not found and app.profiles.file.problem is not None:
        raise app.profiles.file.problem


async def status(app: Services, *, refresh: bool = False) -> list[dict[str, Any]]:
    """Every profile with its windows; `refresh` asks the providers now."""
    await _statuses(app, refresh)
    return app.quota.as_json()


async def text(
    app: Services,
    *,
    format: str = "table",  # noqa: A002 - the word of the command line
    refresh: bool = False,
    profile: str | None = None,
    forced: str | None = None,
) -> dict[str, Any]:
    """The same as lines of text: {"text", "notes"}. `profile` is whose line the tmux format shows, `forced` the
    CODEX_PROFILE of who asks, where it forces."""
    if format not in FORMATS:
        raise WrongUsage(f"There is no format {format}.", hint=f"Use one of: {', '.join(FORMATS)}, json.")
    everyone = await _statuses(app, refresh)
    if format != "tmux":
        return {"text": _text(app, everyone, format), "notes": _notes(app, profile)}
    return {"text": _tmux(app, everyone, profile, forced), "notes": _notes(app, profile)}


def _notes(app: Services, named: str | None) -> list[str]:
    """What a person should mend, and how; `named` is the CODEX_PROFILE of their terminal."""
    notes, forced = list(app.quota.notes), named or app.settings.codex_profile
    if forced and app.profiles.find(forced) is None:
        notes.append(f"CODEX_PROFILE {forced} names no profile; it forces nothing")
    for status in app.quota.statuses():
        profile = status.profile
        if not profile.active or not profile.tracked:
            continue
        if status.login == "needed":
            notes.append(f"{profile.name} needs a new login: {login_steps(profile)[0]}")
        elif not profile.home.is_dir():
            mend = f"maf quota profile add {profile.name}" if profile.own_home else f"{profile.home} is missing"
            notes.append(f"{profile.name} has no home: {mend}")
    return notes


def _text(app: Services, everyone: list[ProfileStatus], form: str) -> str:
    if not everyone:
        return NO_PROFILES
    return lines.compact(everyone) if form == "compact" else lines.table(everyone, app.settings.zone)


def _tmux(app: Services, everyone: list[ProfileStatus], profile: str | None, forced: str | None) -> str:
    if not everyone:
        return NO_PROFILES
    shown = app.quota.status(app.quota.current(profile)) or everyone[0]
    others = [one.candidate for one in everyone if one.profile.name != shown.profile.name]
    following = app.quota.choose(shown.profile.kind, among=others).profile
    return lines.tmux_lines(shown, everyone, following, app.quota.rotation(forced))


async def export(app: Services) -> list[dict[str, Any]]:
    """The state in the shape of the first product, as monitoring/quota-state.json holds it."""
    await app.quota.fresh()
    return await app.quota.state()


async def alerts(app: Services) -> list[dict[str, Any]]:
    """Alerts that stand, and windows that are muted, of the profiles that there are."""
    everyone = await app.quota.fresh()
    names = {s.profile.name for s in everyone if s.profile.tracked and s.profile.active}
    async with app.store.begin() as tx:
        found = await alarm.listed(tx, names, app.quota.now())
    return [{**row, "muted_until": iso(row["muted_until"]), **_now(app, row)} for row in found]


def _now(app: Services, row: Mapping[str, Any]) -> dict[str, Any]:
    status = app.quota.status(row["profile"])
    window = status.windows.get(row["window"]) if status else None
    return {
        "percent": round(window.percent, 1) if window else None,
        "resets_at": iso(window.resets_at) if window else None,
    }


async def mute(app: Services, *, profile: str, window: str, on: bool = True) -> dict[str, Any]:
    """No more alerts of this window until it resets (in 24 hours where nobody knows when); or again, with on=False."""
    await app.quota.fresh()
    status = app.quota.status(app.profiles.get(profile).name)
    found = status.windows.get(window) if status else None
    if found is None:
        raise NotFound.of("window", window, status.windows if status else ())
    until = (found.resets_at or app.quota.now() + SINCE_S) if on else None
    note(profile=profile, window=window, muted=on)
    async with app.store.begin() as tx:
        await (alarm.mute(tx, profile, window, until) if until is not None else alarm.unmute(tx, profile, window))
    return {"profile": profile, "window": window, "muted_until": iso(until)}


async def select(app: Services, *, agent: str | None = None, kind: str = "codex", forced: str | None = None) -> Any:
    """The profile that would serve next, or that would serve this agent, and why each other one would not."""
    await app.quota.fresh()
    if agent is not None:
        kind = (await app.registry.get(agent)).kind
    choice = app.quota.choose(kind, forced=forced)
    if kind not in HOMES:
        choice = Choice(None, f"a {kind} agent runs on no profile", ())
    return {
        "agent": agent,
        "kind": kind,
        "profile": choice.profile,
        "reason": choice.reason,
        "rejected": [{"profile": name, "why": why} for name, why in choice.rejected],
        "notes": _notes(app, forced),
    }


async def record(
    app: Services,
    *,
    profile: str,
    requests: int = 1,
    tokens: int = 0,
    model: str = "",
    id: str | None = None,  # noqa: A002
    at: str | None = None,
    window: str | None = None,
    percent: float | None = None,
    resets_at: str | None = None,
) -> dict[str, Any]:
    """Count by hand, or, with `window` and `percent`, write down what the provider's page says."""
    name, now, resets = app.profiles.get(profile).name, app.quota.now(), _moment(resets_at, "--resets-at")
    when = _moment(at, "--at") or now
    if when > now + AHEAD_S:
        raise WrongUsage(f"--at {at} has not come yet.", hint="Leave it out for now.")
    if resets is not None and resets <= now:
        raise WrongUsage(f"--resets-at {resets_at} is over already.", hint="Give the time of the next reset.")
    if window is not None or percent is not None:
        reading = _reading(app.profiles.get(profile), window, percent, resets, when)
        await app.quota.record_readings(name, [reading])
        return {"profile": name, "window": reading.window, "percent": reading.percent}
    if not 1 <= requests <= 100_000 or tokens < 0:
        raise WrongUsage("Requests are 1 to 100000, tokens 0 or more.")
    key = id or secrets.token_hex(8)
    each, rest = divmod(tokens, requests)
    uses = [
        Use(name, f"hand:{name}:{key}:{n}", when, each + (rest if n == 0 else 0), model=model, source="hand")
        for n in range(requests)
    ]
    return {"profile": name, "recorded": await app.quota.record(uses)}


def _reading(profile: Profile, window: str | None, percent: float | None, resets: float | None, at: float) -> Reading:
    if window is None or percent is None or not 0 <= percent <= 100:
        raise WrongUsage("A reading needs --window and --percent (0 to 100).", hint="--window 5h --percent 78")
    minutes = window_minutes(window)
    if minutes is None:
        raise WrongUsage(f"{window!r} is no window.", hint="Use a length like 5h, 24h, 7d or 30d.")
    family = profile.kind
    return Reading(window_name(minutes, family), family, minutes, percent, resets, at, "hand", percent >= 100)


def _moment(text: str | None, option: str) -> float | None:
    if text is None:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise WrongUsage(f"{option} {text!r} is no time.", hint="Write it like 2026-05-04T16:05:00Z.") from None
    return when.replace(tzinfo=when.tzinfo or UTC).timestamp()


async def chart(app: Services, *, profile: str | None = None, dark: bool = False) -> dict[str, Any]:
    """The picture: {"png": base64}."""
    everyone = await app.quota.fresh()
    if profile is not None:
        app.profiles.get(profile)
        everyone = [s for s in everyone if s.profile.name == profile]
    if not everyone:
        raise Refused("There is nothing to draw: no profiles yet.", hint="Add one: maf quota profile add NAME")
    return {"png": base64.b64encode(await app.quota.picture(everyone, dark=dark)).decode()}


async def profiles(app: Services) -> list[dict[str, Any]]:
    """The profiles as configured. Raises ConfigError where none is known because their file does not fit."""
    everyone = app.profiles.all()
    _or_problem(app, everyone)
    return [await _shown(app, profile) for profile in everyone]


async def _shown(app: Services, profile: Profile) -> dict[str, Any]:
    agents = [a.id for a in await app.registry.all() if a.profile == profile.name]
    return {
        "profile": profile.name,
        "name": profile.title,
        "kind": profile.kind,
        "priority": profile.priority,
        "active": profile.active,
        "tracked": profile.tracked,
        "home": str(profile.home),
        "limits": profile.limits.model_dump(),
        "alert_percent": profile.alert_percent,
        "agents": agents,
    }


async def add_profile(
    app: Services,
    *,
    id: str,  # noqa: A002
    kind: str = "codex",
    path: str | None = None,
    priority: int | None = None,
) -> dict[str, Any]:
    """Make a profile, with a file for the secrets of its agents; says how to log in there."""
    made = app.profiles.add(id, kind=kind, path=Path(path) if path else None, priority=priority)
    secrets_file = await asyncio.to_thread(app.secrets.make, made.name)
    return {**await _shown(app, made), "login": login_steps(made), "secrets": str(secrets_file)}


async def edit_profile(app: Services, *, id: str, changes: dict[str, Any]) -> dict[str, Any]:  # noqa: A002
    """Change keys of a profile's entry."""
    if not changes:
        raise WrongUsage("Nothing to change.", hint=f"maf quota profile edit {id} --priority 2")
    if "home" in changes and (users := await _users(app, id)):
        raise Refused(f"{id} is in use by {', '.join(users)}.", hint=f"Stop them first: maf agent stop {users[0]}")
    return await _shown(app, app.profiles.edit(id, changes))


async def remove_profile(app: Services, *, id: str) -> dict[str, Any]:  # noqa: A002
    """Take a profile out; refused while agents run on it. Its home stays."""
    gone = app.profiles.remove(id, used_by=await _users(app, id))
    return {"profile": gone.name, "removed": True, "home": str(gone.home)}


async def _users(app: Services, profile: str) -> list[str]:
    return [a.id for a in await app.registry.all() if a.profile == profile and a.desired == "running"]


async def rotate(app: Services, *, actor: str, id: str, to: str | None = None) -> dict[str, Any]:  # noqa: A002
    """Move a running idle agent to the next profile, with its conversation."""
    if to is not None:
        app.profiles.get(to)
    move = (await app.rotation.rotate(id, actor, to=to)).as_dict()
    note(**{name: move[name] for name in ("from", "to", "outcome")})
    return move


async def rotate_when_idle(app: Services, *, actor: str, id: str, to: str) -> dict[str, Any]:  # noqa: A002
    """Have one agent moved to that profile as soon as it is idle; the move tells of itself. Raises NotFound, Refused
    (it runs there already, the profile cannot serve)."""
    app.profiles.get(to)
    agent = await app.registry.get(id)
    await app.quota.fresh()
    if agent.profile is None or agent.profile == to:
        raise Refused(f"{id} runs on {to} already." if agent.profile else f"{id} has no profile to be moved from.")
    if why := app.accounts.against(agent, to):
        raise Refused(f"{to} {why}.", hint="Look: /quota")
    note(agent=id, off=agent.profile, to=to)
    await app.moves.wish(id, actor, agent.profile, to=to)
    return {"agent": id, "from": agent.profile, "to": to}


async def rotate_profile(app: Services, *, actor: str, profile: str) -> dict[str, Any]:
    """Have every agent of a profile moved as soon as it is idle; the moves tell of themselves.

    Raises Refused when nobody runs on it, or when there is nowhere to go.
    """
    app.profiles.get(profile)
    await app.quota.fresh()
    agents = [a for a in await app.registry.all() if a.profile == profile and a.desired == "running"]
    if not agents:
        raise Refused(f"Nobody runs on {profile}.")
    choice = app.accounts.target(agents[0])
    if choice.profile is None:
        raise Refused(f"There is no profile to move to: {reasons(choice)}.", hint="Look: /quota")
    note(agents=[agent.id for agent in agents], off=profile)
    for agent in agents:
        await app.moves.wish(agent.id, actor, profile)
    return {"profile": profile, "agents": [a.id for a in agents], "to": choice.profile}
