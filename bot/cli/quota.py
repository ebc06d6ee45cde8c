"""`maf quota …`: what is left of each account. `maf quota line` is answered without this module."""

from __future__ import annotations

import base64
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from bot.cli import call, quota_line
from bot.cli.command import Group, pass_terminal
from bot.cli.terminal import Terminal, table, write_picture
from bot.clis.homes import HOMES
from bot.errors import DONE, REFUSED

command = Group("quota", help="What is left of each account, and which one serves next.")
FORMATS = ["tmux", "compact", "table", "json"]
# Asking every account anew, one of which may hang.
REFRESH_TIMEOUT_S = 60.0
WATCH_S = 5.0


@command.command("status")
@click.option("--format", "form", type=click.Choice(FORMATS), help="How to show it; else QUOTA_STATUS_FORMAT.")
@click.option("--watch", is_flag=True, help="Show it again every few seconds, until Ctrl-C.")
@click.option("--refresh", is_flag=True, help="Ask the providers now.")
@pass_terminal
def status(terminal: Terminal, *, form: str | None, watch: bool, refresh: bool) -> None:
    """Show how full the windows of every profile are."""
    settings = _settings(terminal)
    chosen = "json" if terminal.json else form or settings.quota_status_format
    while True:
        _status_once(terminal, chosen, refresh, settings)
        if not watch:
            return
        time.sleep(WATCH_S)
        refresh = False
        if chosen != "json":
            click.clear()


def _status_once(terminal: Terminal, form: str, refresh: bool, settings: Any) -> None:
    if form == "json":
        terminal.json = True
        found = call.read(terminal, "quota.status", {"refresh": refresh}, timeout=REFRESH_TIMEOUT_S)
        terminal.show(found, "")
        return
    profile = settings.codex_profile
    params = {"format": form, "refresh": refresh, "profile": profile}
    params["forced"] = None if settings.inside_agent else profile
    answer = call.read(terminal, "quota.text", params, timeout=REFRESH_TIMEOUT_S)
    terminal.show(answer, answer["text"])
    for note in answer["notes"]:
        terminal.say(f"note: {note}")


def _settings(terminal: Terminal) -> Any:
    from bot.settings import load_settings

    return load_settings(terminal.home)


def _when(terminal: Terminal, stamp: str | None) -> str:
    """A moment in the person's time."""
    from bot.quota.lines import clock

    moment = datetime.fromisoformat(stamp).timestamp() if stamp else None
    return clock(moment, _settings(terminal).zone, time.time())


@command.command("alerts")
@pass_terminal
def alerts(terminal: Terminal) -> None:
    """List the alerts that stand, and what is muted."""
    found = call.read(terminal, "quota.alerts", timeout=REFRESH_TIMEOUT_S)
    rows = [
        [
            a["profile"],
            a["window"],
            a["level"] if a["open"] else "-",
            "-" if a["percent"] is None else f"{a['percent']:.0f} %",
            _when(terminal, a["resets_at"]),
            f"muted until {_when(terminal, a['muted_until'])}" if a["muted_until"] else "",
        ]
        for a in found
    ]
    head = ["PROFILE", "WINDOW", "ALERT", "NOW", "RESETS", ""]
    terminal.show(found, lambda: table(rows, head) if rows else "No alert stands.")


@command.command("mute")
@click.argument("profile")
@click.argument("window")
@click.option("--off", is_flag=True, help="Alert again.")
@pass_terminal
def mute(terminal: Terminal, *, profile: str, window: str, off: bool) -> None:
    """No more alerts of a WINDOW (like 5h) until it resets."""
    done = call.act(terminal, "quota.mute", {"profile": profile, "window": window, "on": not off})
    until = done["muted_until"]
    told = f"{profile} {window} is muted until {_when(terminal, until)}."
    terminal.show(done, told if until else f"{profile} {window} alerts again.")


@command.command("line")
@pass_terminal
def line(terminal: Terminal) -> None:
    """Print the line for the tmux status bar, as the running bot keeps it."""
    text = quota_line.current(str(terminal.home.quota_line)).rstrip("\n")
    terminal.show({"line": text}, text)


@command.command("chart")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The PNG to write.")
@click.option("--profile", metavar="P", help="Only this one, each window by itself.")
@click.option("--dark", is_flag=True, help="For a dark background.")
@pass_terminal
def chart(terminal: Terminal, *, out: Path, profile: str | None, dark: bool) -> None:
    """Draw use, thresholds, resets and the forecast."""
    answer = call.read(terminal, "quota.chart", {"profile": profile, "dark": dark}, timeout=REFRESH_TIMEOUT_S)
    write_picture(out, base64.b64decode(answer["png"]))
    terminal.show({"out": str(out)}, f"Written: {out}")


@command.command("export")
@pass_terminal
def export(terminal: Terminal) -> None:
    """Print the state, as monitoring/quota-state.json holds it."""
    terminal.json = True
    terminal.show(call.read(terminal, "quota.export", timeout=REFRESH_TIMEOUT_S), "")


@command.command("select")
@click.option("--agent", metavar="ID", help="For this agent.")
@click.option("--kind", type=click.Choice(list(HOMES)), default="codex", help="Without --agent.")
@pass_terminal
def select(terminal: Terminal, *, agent: str | None, kind: str) -> None:
    """Say which profile would serve next, and why not the others. Nothing changes."""
    settings = _settings(terminal)
    forced = None if settings.inside_agent else settings.codex_profile
    params = {"agent": agent, "kind": kind, "forced": forced}
    found = call.read(terminal, "quota.select", params, timeout=REFRESH_TIMEOUT_S)
    lines = [f"{found['profile'] or 'none'}: {found['reason']}"]
    lines += [f"  not {one['profile']}: {one['why']}" for one in found["rejected"]]
    terminal.show(found, "\n".join(lines))
    for note in found["notes"]:
        terminal.say(f"note: {note}")


@command.command("rotate")
@click.argument("agent")
@click.option("--to", metavar="P", help="To this profile; else the one selection takes.")
@pass_terminal
def rotate(terminal: Terminal, *, agent: str, to: str | None) -> int:
    """Move an idle agent to another profile, with its conversation."""
    done = call.act(terminal, "quota.rotate", {"id": agent, "to": to}, timeout=600.0)
    words = {
        "moved": f"{agent} runs on {done['to']} now.",
        "returned": f"{agent} stays on {done['from']}: {done['detail']}",
        "stuck": f"{agent} could not be moved, and does not answer on {done['from']}: {done['detail']}",
    }
    terminal.show(done, words[done["outcome"]])
    return DONE if done["outcome"] == "moved" else REFUSED


@command.command("record")
@click.option("--profile", required=True, metavar="P", help="Whose use it was.")
@click.option("--requests", type=int, default=1, show_default=True, help="How many model responses.")
@click.option("--tokens", type=int, default=0, help="How many tokens they cost together.")
@click.option("--model", default="", help="The model that was used.")
@click.option("--id", "record_id", metavar="ID", help="The same ID twice counts once.")
@click.option("--at", metavar="TIME", help="When, like 2026-05-04T12:00:00Z; else now.")
@click.option("--window", metavar="W", help="A window as the provider's page shows it, like 5h; with --percent.")
@click.option("--percent", type=float, help="How full that window is.")
@click.option("--resets-at", metavar="TIME", help="When that window resets.")
@pass_terminal
def record(terminal: Terminal, /, *, record_id: str | None, **values: Any) -> None:
    """Count use by hand, or write down what the provider's page says."""
    done = call.act(terminal, "quota.record", {**values, "id": record_id})
    count = done.get("recorded")
    what = f"{done['window']} at {done['percent']:.0f} %" if count is None else f"{count} request{'s'[: count != 1]}"
    terminal.show(done, f"{done['profile']}: {what}.")


profile = Group("profile", help="The accounts: each has a home and a login of its own.")
command.add_command(profile)


@profile.command("list")
@pass_terminal
def list_profiles(terminal: Terminal) -> None:
    """List the profiles."""
    found = call.read(terminal, "profile.list")
    rows = [
        [p["profile"], p["kind"], str(p["priority"]), "on" if p["active"] else "off", ",".join(p["agents"]), p["home"]]
        for p in found
    ]
    head = ["PROFILE", "KIND", "PRIO", "", "AGENTS", "HOME"]
    empty = "No profiles yet. Add one: maf quota profile add codex-plus-1"
    terminal.show(found, lambda: table(rows, head) if rows else empty)


@profile.command("add")
@click.argument("name")
@click.option("--kind", type=click.Choice(list(HOMES)), default="codex", show_default=True)
@click.option("--path", metavar="HOME", type=click.Path(path_type=Path), help="A home that is logged in already.")
@click.option("--priority", type=click.IntRange(1), help="1 is the highest; else after the ones there are.")
@pass_terminal
def add(terminal: Terminal, *, name: str, kind: str, path: Path | None, priority: int | None) -> None:
    """Make a profile, and say how to log in there."""
    home = str(path.expanduser().absolute()) if path else None
    params = {"id": name, "kind": kind, "path": home, "priority": priority}
    made = call.act(terminal, "profile.add", params)
    steps = "\n".join(f"  {step}" for step in made["login"])
    word = "It is used as it is." if path else f"Log in there:\n{steps}"
    terminal.show(made, f"{name} is made; its home is {made['home']}.\n{word}")


@profile.command("edit")
@click.argument("name")
@click.option("--priority", type=click.IntRange(1), help="1 is the highest.")
@click.option("--active/--inactive", default=None, help="Whether it may be selected.")
@click.option("--track/--no-track", "tracked", default=None, help="Whether its quota is read.")
@click.option("--daily", type=click.IntRange(0), help="A limit of your own, in requests; 0 takes it away.")
@click.option("--weekly", type=click.IntRange(0), help="The same for a week.")
@click.option("--monthly", type=click.IntRange(0), help="The same for a month.")
@click.option("--alert-percent", type=float, help="From where on it is told; else 75.")
@click.option("--path", metavar="HOME", type=click.Path(path_type=Path), help="Another home.")
@click.option("--title", "title", help="Its name for people.")
@pass_terminal
def edit(terminal: Terminal, /, *, name: str, **given: Any) -> None:
    """Change a profile."""
    words = {"priority": "priority", "active": "active", "tracked": "quota_tracking_enabled", "title": "name"}
    changes = {key: given[word] for word, key in words.items() if given[word] is not None}
    if given["alert_percent"] is not None:
        changes["alert_percent"] = given["alert_percent"]
    if given["path"] is not None:
        changes["home"] = str(given["path"].expanduser().absolute())
    spans = {span: given[span] or None for span in ("daily", "weekly", "monthly") if given[span] is not None}
    if spans:
        old: dict[str, Any] = next(
            (p["limits"] for p in call.read(terminal, "profile.list") if p["profile"] == name), {}
        )
        changes["quota_limits"] = {key: value for key, value in {**old, **spans}.items() if value is not None}
    done = call.act(terminal, "profile.edit", {"id": name, "changes": changes})
    terminal.show(done, f"{name} is changed.")


@profile.command("remove")
@click.argument("name")
@pass_terminal
def remove(terminal: Terminal, name: str) -> None:
    """Take a profile out. Its home, with the login in it, stays."""
    done = call.act(terminal, "profile.remove", {"id": name})
    terminal.show(done, f"{name} is removed; its home stays at {done['home']}.")
