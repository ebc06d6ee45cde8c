"""Our hooks in the homes of the CLIs: what is there, put in, taken out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.agents.hooks.consent import Wish
from bot.agents.hooks.setup import HomeHooks
from bot.clis.hooks import SETTINGS_FILE
from bot.errors import Refused, WrongUsage
from bot.operations.services import Services
from bot.store.audit import note


async def status(
    app: Services, *, profile: str | None = None, path: str | None = None, kind: str | None = None
) -> list[dict[str, Any]]:
    """One home, or without a name those of all profiles."""
    if profile or path:
        return [app.hook_setup.status(*_place(app, profile, path, kind)).as_dict()]
    homes = {(p.home, p.kind) for p in app.profiles.all()}
    return [app.hook_setup.status(home, cli).as_dict() for home, cli in sorted(homes) if home.is_dir()]


async def install(
    app: Services, *, profile: str | None = None, path: str | None = None, kind: str | None = None
) -> dict[str, Any]:
    """Put them in: the person said yes to this home. Agents that run there use them after their next start."""
    return _with_note(await app.hook_setup.install(*_place(app, profile, path, kind)))


async def remove(
    app: Services, *, profile: str | None = None, path: str | None = None, kind: str | None = None
) -> dict[str, Any]:
    """Take them out; what the person had there before comes back."""
    return _with_note(await app.hook_setup.remove(*_place(app, profile, path, kind)))


async def answer(app: Services, wish_id: str, *, yes: bool, by: str) -> Wish:
    """What a person says to our hooks in a home that was theirs. Raises NotFound, Refused (answered already, or its
    settings cannot be read)."""
    wish = await app.hook_setup.consent.get(wish_id)
    note(home=str(wish.home), kind=wish.kind, yes=yes)
    if wish.answer:
        raise Refused("This was answered already.", hint="Change it on the machine: maf hooks install, or remove")
    if yes:
        await app.hook_setup.install(Path(wish.home), wish.kind, by=by)
    else:
        await app.hook_setup.consent.record(Path(wish.home), wish.kind, "no", by)
    return wish


def _with_note(found: HomeHooks) -> dict[str, Any]:
    return {**found.as_dict(), "note": "Agents that run there notice it at their next start."}


def _place(app: Services, profile: str | None, path: str | None, kind: str | None) -> tuple[Path, str]:
    """(home, kind) of a profile, or of a folder with a kind beside it. Raises WrongUsage, NotFound."""
    if bool(profile) == bool(path):
        raise WrongUsage("Which home?", hint="Use --profile NAME, or --path HOME --kind codex|claude.")
    if profile:
        entry = app.profiles.get(profile)
        return entry.home, entry.kind
    if kind not in SETTINGS_FILE:
        raise WrongUsage("What kind of home is it?", hint="Add --kind codex or --kind claude.")
    return Path(path or "").expanduser().resolve(), str(kind)
