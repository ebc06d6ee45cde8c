"""Plain pages: help, packs, tasks, health, the audit trail, and the question for a new prompt."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from aiogram.utils.formatting import Bold, Code, ExpandableBlockQuote, Text, as_list

from bot.excerpt import clipped
from bot.operations import Services, bead, health, pack
from bot.operations.closed import in_words
from bot.telegram.access import COMMANDS, Role
from bot.telegram.callbacks import PackTap
from bot.telegram.card import Card, Message, RenderContext
from bot.telegram.keyboards import Button, in_rows
from bot.telegram.links import tappable
from handlers.cards.board import link
from handlers.cards.draft import edit_card

MAX_QUOTE = 3000
MAX_ROWS = 20


def cards(app: Services, served: Collection[str]) -> dict[str, Card]:
    """`served`: the commands that exist, for /help."""

    async def help_(data: Mapping[str, Any], _context: RenderContext) -> Message:
        return help_for(Role.of(str(data["role"])), served)

    async def packs(_data: Mapping[str, Any], _context: RenderContext) -> Message:
        return packs_of(await pack.list_(app))

    async def one_pack(data: Mapping[str, Any], _context: RenderContext) -> Message:
        return pack_of(await pack.show(app, id=str(data["pack"])))

    async def tasks(_data: Mapping[str, Any], _context: RenderContext) -> Message:
        return tasks_of(*await bead.tasks(app))

    async def healthy(_data: Mapping[str, Any], _context: RenderContext) -> Message:
        return health_of(await health.health(app))

    async def audit(_data: Mapping[str, Any], context: RenderContext) -> Message:
        return audit_of(await health.audit(app, limit=MAX_ROWS), context)

    return {
        "help": help_,
        "packs": packs,
        "pack": one_pack,
        "tasks": tasks,
        "health": healthy,
        "audit": audit,
        "edit": edit_card,
    }


def help_for(role: Role, served: Collection[str]) -> Message:
    """What somebody of this role can do, by group."""
    groups: dict[str, list[Text]] = {}
    for command in COMMANDS:
        if command.role <= role and command.name in served and command.in_menu:
            usage = f" {command.usage}" if command.usage else ""
            name = Code(f"/{command.name}") if command.acts else tappable(f"/{command.published}")
            groups.setdefault(command.group, []).append(Text(name, f"{usage} – {command.help}"))
    lines: list[Text | str] = [f"You are {role.a}."]
    for group, entries in groups.items():
        lines += ["", Bold(group), *entries]
    return Message(as_list(*lines))


def packs_of(packs: list[dict[str, Any]]) -> Message:
    lines: list[Text | str] = [Bold("🎒 Prompt packs")]
    for one in packs:
        mark = "●" if one["active"] else "✕" if one["problem"] else "○"
        lines.append(f"{mark} {one['id']}  {clipped(one['problem'] or one['title'], 60)}")
    usable = [one for one in packs if not one["problem"]]
    buttons = [
        Button(f"{'● ' if one['active'] else ''}{one['id']}", PackTap(id=one["id"], verb="use"))
        for one in usable
        if len(one["id"].encode()) <= 48
    ]
    return Message(as_list(*lines), in_rows(buttons[:12], width=2))


def pack_of(one: dict[str, Any]) -> Message:
    lines: list[Text | str] = [Text(Bold(f"🎒 {one['id']}"), " · active" if one["active"] else ""), one["title"]]
    if one["bead_prefixes"]:
        lines.append("beads " + ", ".join(one["bead_prefixes"]))
    if one["guardrails"]:
        lines.append(ExpandableBlockQuote("\n".join(f"- {g}" for g in one["guardrails"])[:MAX_QUOTE]))
    return Message(as_list(*lines))


def tasks_of(ready: list[dict[str, Any]], in_progress: list[dict[str, Any]]) -> Message:
    """What is free, and what is in hand: in Beads, or by a claim that maf alone keeps."""
    begun = {b["id"] for b in in_progress}
    held = in_progress + [b for b in ready if b["agent"] and b["id"] not in begun]
    ready = [b for b in ready if not b["agent"] and b["id"] not in begun]
    lines: list[Text | str] = [Bold(f"📋 {len(ready)} ready · {len(held)} in hand")]
    lines += [f"P{b['priority']} {b['id']}  {clipped(b['title'], 40)}" for b in ready[:MAX_ROWS]]
    if len(ready) > MAX_ROWS:
        lines.append(f"… {len(ready) - MAX_ROWS} more")
    for b in held[:MAX_ROWS]:
        lines.append(f"● {b['id']}  {b['agent'] or b['assignee'] or b['status']}  {clipped(b['title'], 30)}")
    return Message(as_list(*lines))


def health_of(found: dict[str, Any]) -> Message:
    agents = ", ".join(f"{count} {state}" for state, count in sorted(found["agents"].items())) or "none"
    lines: list[Text | str] = [Bold("🩺 The bot is up"), f"agents: {agents}"]
    if found["deliveries"]:
        lines.append(f"prompts under way: {found['deliveries']}")
    if found["messages_due"] > 1:  # one of them is this answer
        lines.append(f"messages waiting: {found['messages_due'] - 1}")
    if found["rss_mb"]:
        lines.append(f"agents take {found['cpu_percent']:.0f} % of a core, {found['rss_mb']:,.0f} MB")
    if found["strained"]:
        lines.append(tappable("🌡 much of it: " + " ".join(link(name) for name in found["strained"])))
    lines += [f"⚠️ {in_words(one)}" for one in found["closed_chats"]]
    if found["messages_failed"]:
        lines.append(f"⚠️ messages that could not be sent: {found['messages_failed']}")
    return Message(as_list(*lines))


def audit_of(entries: list[dict[str, Any]], context: RenderContext) -> Message:
    lines: list[Text | str] = [
        Bold(f"🧾 Who did what · the last {len(entries)}" if entries else "🧾 Nobody did anything yet")
    ]
    for entry in entries:
        at = datetime.fromisoformat(entry["at"]).astimezone(context.zone)
        outcome = "" if entry["outcome"] == "done" else f" – {clipped(entry['outcome'], 60)}"
        # As code, a command that somebody sent is no link: a touch on it must not send it again.
        did = Code(clipped(_did(entry), 60))
        lines.append(Text(Code(f"{at:%d %b %H:%M}"), f" {clipped(entry['actor'], 60)}: ", did, outcome))
    return Message(as_list(*lines))


def _did(entry: Mapping[str, Any]) -> str:
    """`/stop d1` as it was written; of a tap (`d:k7q2:1:send`) what it does and to what; then what exactly: a command,
    a role, how long a prompt was."""
    action, target, detail = str(entry["action"]), str(entry["target"]), entry["detail"]
    if entry["place"].startswith("chat:") and ":" in target and not target.startswith("/"):
        target = target.split(":", maxsplit=2)[1] if target.count(":") > 1 else ""
    parts = [target] if target.startswith("/") else [action, target]
    if (agent := str(detail.get("agent") or "")) and agent not in target:
        parts.append(agent)
    parts += [str(detail[name]) for name in ("role", "command") if detail.get(name)]
    parts += [f"({detail['characters']:,} characters)"] if "characters" in detail else []
    return " ".join(part for part in parts if part)
