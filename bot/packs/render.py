"""One prompt for one agent: pure, and the same text for the same input.

Bead text was written by others. It is quoted, each line behind `> `, so that nothing in it can pass for a rule of ours;
it cannot leave its quote, because every line of it carries the mark. The `ref:` line is added by the delivery.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from bot.beads.model import Bead
from bot.packs.model import Pack

# A bead's text may be a whole document; a prompt has at most 100 kB, and most of what is said here is ours.
MAX_DESCRIPTION, MAX_ACCEPTANCE, MAX_NOTES, MAX_TITLE = 20_000, 8_000, 8_000, 200


class PromptAgent(Protocol):
    """What a prompt says about its reader."""

    @property
    def id(self) -> str: ...
    @property
    def role(self) -> str: ...


@dataclass(frozen=True, slots=True)
class PromptContext:
    """What a prompt says beside pack and bead. `partner` is the other agent of a review or of help; `beads_writable`
    False means that the agent cannot change the bead and has to say so instead."""

    partner: str = ""
    beads_writable: bool = True


def render_prompt(pack: Pack, agent: PromptAgent, bead: Bead | None, action: str, context: PromptContext) -> str:
    """The whole text for `action` (resume, assign, review, commit, assist); no ref line, no trailing newline.

    Raises ValueError for an action that sends nothing or a bead that is missing.
    """
    if action not in _OPENING:
        raise ValueError(f"nothing is sent for {action}")
    if bead is None:
        raise ValueError(f"{action} needs a bead")
    parts = [
        pack.preamble.strip(),
        _head(agent, bead, action, context),
        _bead_text(bead, action),
        _work(pack, agent, bead, action),
        _bullets("Rules:", pack.guardrails),
        _hand_over(pack, agent, bead, action, context),
        *(brief.extra.strip() for brief in (pack.role_brief(agent.role), pack.agent_brief(agent.id))),
    ]
    return "\n\n".join(part for part in parts if part)


_OPENING = {
    "assign": "You are {agent} ({role}). Your next task is {bead}. Start on it now.",
    "resume": "You are {agent} ({role}). You hold {bead}. Go on with it: look at what is done already (git status,"
    " git diff), then do what is left.",
    "review": "You are {agent} ({role}). Review {bead}{by}. Read the change itself, not just what is said of it.",
    "commit": "You are {agent} ({role}). {bead} was approved{by}. Commit it now.",
    "assist": "You are {agent} ({role}). {partner} works on {bead} and can use help. Do not edit the files that it is"
    " editing: find out where it is stuck, and answer with what you found.",
}


def _head(agent: PromptAgent, bead: Bead, action: str, context: PromptContext) -> str:
    by = {"review": ", done by {}", "commit": "; the work is {}'s"}.get(action, "")
    opening = _OPENING[action].format(
        agent=agent.id,
        role=agent.role,
        bead=bead.id,
        by=by.format(context.partner) if context.partner else "",
        partner=context.partner or "Another agent",
    )
    return f"{opening}\n\n{bead.id} (P{bead.priority}, {_one_line(bead.issue_type)})"


def _bead_text(bead: Bead, action: str) -> str:
    """Title, description, acceptance, and for a reviewer and a resumer the notes that were left on it."""
    sections = [
        ("The task, as written by its author:", _one_line(bead.title)[:MAX_TITLE]),
        ("", _cut(bead.description, MAX_DESCRIPTION, bead.id)),
        ("It is done when:", _cut(bead.acceptance, MAX_ACCEPTANCE, bead.id)),
    ]
    if action != "assign" or bead.notes:
        sections.append(("Notes on it so far:", _cut(bead.notes, MAX_NOTES, bead.id)))
    texts: list[str] = []
    for heading, text in sections:
        if not text:
            continue
        quoted = _quote(text)
        texts.append(f"{heading}\n{quoted}" if heading else f">\n{quoted}")
    return texts[0] + "".join(("\n" if text.startswith(">") else "\n\n") + text for text in texts[1:])


def _work(pack: Pack, agent: PromptAgent, bead: Bead, action: str) -> str:
    own, role = pack.agent_brief(agent.id), pack.role_brief(agent.role)
    lines = []
    paths = bead.paths or tuple(own.paths or role.paths)
    if paths and action in {"assign", "resume"}:
        lines.append(f"Stay in: {', '.join(_one_line(path) for path in paths)}")
    elif paths and action == "review":
        lines.append(f"It should touch only: {', '.join(_one_line(path) for path in paths)}")
    tests = own.test_commands or role.test_commands
    if tests and action != "assist":
        lines.append(_bullets("Run these yourself, and say what came out:", tests))
    return "\n".join(lines)


def _hand_over(pack: Pack, agent: PromptAgent, bead: Bead, action: str, context: PromptContext) -> str:
    protocol = next((text for role, text in pack.commit_protocol.items() if role == agent.role), "")
    lines = [protocol.replace("{bead}", bead.id).strip()] if protocol.strip() else []
    if not context.beads_writable:
        lines.append(
            "Beads are read-only here: leave out what is to be done with bd, and say the new state of"
            f" {bead.id} in your last message."
        )
    return "When you are done:\n" + "\n".join(lines) if lines and action != "assist" else "\n".join(lines)


def _bullets(heading: str, lines: Iterable[str]) -> str:
    items = [f"- {line}" for line in lines]
    return "\n".join([heading, *items]) if items else ""


def _quote(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cut(text: str, limit: int, bead: str) -> str:
    # Every kind of line end becomes \n first: a lone \r or U+2028 must not start a line without the quote mark.
    text = "\n".join(text.splitlines()).strip()
    if len(text) <= limit:
        return text
    return f"{text[:limit].rstrip()}\n[cut here; the rest: bd show {bead}]"
