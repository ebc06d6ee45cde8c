"""What an agent asks a person: the tool and its exact input, its risk, the choices, and how to tell two questions
apart. Pure.

A question reaches us twice: as the input of a PermissionRequest hook, and as a dialog on the screen.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from bot.agents.permissions.judge import risk_of
from bot.agents.permissions.risk import Risk, edit_risk
from bot.clis.model import Dialog, DialogKind

Grant = Literal["once", "no", "lasting", "choice"]

MAX_TEXT = 200_000  # characters of a command or diff that are kept
_EDITS = frozenset({"Edit", "Write", "MultiEdit", "NotebookEdit", "apply_patch", "Update"})
# Questions of the model: their answers stand on the CLI's own screen, a hook could only say yes or no to asking them.
OF_THE_MODEL = frozenset({"AskUserQuestion"})
_NETWORK = frozenset({"WebFetch", "WebSearch"})
_READS = frozenset({"Read", "Glob", "Grep", "LS"})
_SHELL_TITLES = re.compile(r"(?i)\b(bash|shell|command)\b")
_EDIT_TITLES = re.compile(r"(?i)\b(edit|edits|create|write|update|overwrite|make the following)\b")
_NO = re.compile(
    r"(?i)^(no\b|back\b|continue without\b|cancel\b|reject\b|deny\b|decline\b|don.?t allow\b|exit\b|quit\b)"
)
_ONCE = re.compile(r"(?i)^(yes|yes, proceed|yes, once|yes, just this once|allow once|approve|proceed|allow)$")
_TELL = re.compile(r"(?i)^no, and tell\b")
_LASTING = re.compile(
    r"(?i)don.?t ask|do not ask|\balways\b|\bauto\b|\bsession\b|accept edits|remember|\ball\b|bypass|trust|permanent"
    r"|\b(add|buy) (funds|credits)\b|\bextra usage\b|\bupgrade\b|never show"
)
# A question of the model in Claude Code 2.1.328: its tabs, answers to tick, and the place where words may be typed.
_TABS = re.compile(r"[←→☐☒]|✔ Submit")
_TICKED = re.compile(r"\[[ ✔]\] ")
_TYPED = re.compile(r"(?:\[[ ✔]\] )?Type something\b")
_TELLING = 40  # characters of a long command, cut on the screen, that are enough to know it by
_SPACE = re.compile(r"\s+")
_SAFE = re.compile(r"[A-Za-z0-9 ._/-]+")


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer. `grant` is what it costs: once and no need an operator, lasting an owner and a second tap; choice is
    an answer to a question that grants nothing."""

    label: str
    grant: Grant
    key: str = ""

    @property
    def tells(self) -> bool:
        """The CLI's own "no, and tell it what to do instead"."""
        return _TELL.match(self.label) is not None


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. `question` names it by its words; `fingerprint` is that of its dialog once one was seen."""

    kind: DialogKind
    tool: str
    title: str
    command: str
    risk: Risk
    choices: tuple[Choice, ...]
    question: str
    fingerprint: str = ""


def digest(*parts: str) -> str:
    """12 hex digits over some words; white space does not count, for it changes with the terminal's width."""
    text = "\0".join(_SPACE.sub("", part) for part in parts)
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=6).hexdigest()


def grant_of(label: str, kind: DialogKind) -> Grant:
    """What choosing this would mean. Where its words are not known it counts as lasting: that asks for most care.

    >>> grant_of("Yes", "permission"), grant_of("Yes, and don't ask again for: git push", "permission")
    ('once', 'lasting')
    """
    if _NO.match(label):
        return "no"
    if kind == "permission":
        return "once" if _ONCE.match(label.strip()) else "lasting"
    if kind in ("limit", "question", "other", "update"):
        return "lasting" if _LASTING.search(label) else "choice"
    return "lasting"


def choices_of(dialog: Dialog) -> tuple[Choice, ...]:
    """The choices of a dialog that one key gives, named as the CLI names them. Ticking an answer gives none yet, and
    neither does the place where words may be typed."""
    kind = dialog.kind
    if kind == "other" and _LASTING.search(f"{dialog.title} {dialog.detail}"):
        kind = "trust"  # a question about lasting rights that our rules do not know by name
    given = [o for o in dialog.options if dialog.kind != "question" or not _needs_more(o.label)]
    return tuple(Choice(option.label, grant_of(option.label, kind), option.key) for option in given)


def _needs_more(label: str) -> bool:
    return _TICKED.match(label) is not None or _TYPED.match(label) is not None


def from_dialog(dialog: Dialog, *, workspace: str) -> Question:
    """The question that stands on a screen."""
    words = dialog.command or dialog.detail
    title = " ".join(_TABS.sub(" ", dialog.title).split()) if dialog.kind == "question" else dialog.title
    ticked = [o.label for o in dialog.options if _TICKED.match(o.label) and not _TYPED.match(o.label)]
    return Question(
        kind=dialog.kind,
        tool=_tool_of(dialog),
        title=title,
        command="\n".join([words, *(_TICKED.sub("– ", label) for label in ticked)])[:MAX_TEXT],
        risk=_risk_of_dialog(dialog, workspace),
        choices=choices_of(dialog),
        question=digest(dialog.kind, title, words),
        fingerprint=dialog.fingerprint,
    )


def from_hook(payload: Mapping[str, Any], *, cli: str, workspace: str) -> Question:
    """The question of a PermissionRequest (Claude Code 2.1.328, Codex 0.169.0: tool_name, tool_input)."""
    tool = str(payload.get("tool_name") or "a tool")[:100]
    given = payload.get("tool_input")
    inputs = given if isinstance(given, Mapping) else {}
    words = input_text(tool, inputs)[:MAX_TEXT]
    yes = Choice("Yes, proceed" if cli == "codex" else "Yes", "once")
    no = Choice("No, and tell Codex what to do differently" if cli == "codex" else "No", "no")
    return Question(
        kind="permission",
        tool=tool,
        title="",
        command=words,
        risk=risk_of_tool(tool, inputs, words, workspace),
        choices=(yes, no),
        question=digest("permission", tool, words),
    )


def input_text(tool: str, inputs: Mapping[str, Any]) -> str:
    """The exact command or change, as a person reads it."""
    command = inputs.get("command")
    if isinstance(command, str):
        return command
    if isinstance(command, list):
        return " ".join(str(word) for word in command)
    path = str(inputs.get("file_path") or inputs.get("notebook_path") or inputs.get("path") or "")
    if tool in _EDITS and path:
        edits = inputs.get("edits")
        pairs = [e for e in edits if isinstance(e, Mapping)] if isinstance(edits, list) else [inputs]
        lines = [path]
        for pair in pairs:
            lines += [f"- {line}" for line in str(pair.get("old_string") or "").splitlines()]
            new = pair.get("new_string") or pair.get("content") or pair.get("new_source") or ""
            lines += [f"+ {line}" for line in str(new).splitlines()]
        return "\n".join(lines)
    for name in ("url", "query", "file_path", "pattern", "skill"):
        if isinstance(inputs.get(name), str):
            return str(inputs[name])
    return json.dumps(inputs, ensure_ascii=False, indent=1) if inputs else ""


def risk_of_tool(tool: str, inputs: Mapping[str, Any], words: str, workspace: str) -> Risk:
    """A tool that is not known counts as one whose doing cannot all be seen."""
    if tool in ("Bash", "shell", "exec_command", "local_shell"):
        return risk_of(words, workspace=workspace)
    named = ["file_path", "notebook_path", "path", *(["pattern"] if tool == "Glob" else [])]
    paths = [str(inputs[k]) for k in named if isinstance(inputs.get(k), str)]
    if tool in _EDITS:
        return edit_risk(paths or _patched(words), workspace=workspace, deletes="*** Delete File:" in words)
    if tool in _NETWORK:
        return Risk(network=True)
    if tool in _READS:
        return Risk(outside=edit_risk(paths, workspace=workspace).outside)
    return Risk(writes=True, hidden=True)


def _patched(patch: str) -> list[str]:
    return re.findall(r"^\*\*\* (?:(?:Add|Update|Delete) File|Move to): (.+)$", patch, re.MULTILINE)


def _tool_of(dialog: Dialog) -> str:
    if dialog.kind != "permission":
        return ""
    if _SHELL_TITLES.search(dialog.title):
        return "Bash"
    return "Edit" if _EDIT_TITLES.search(dialog.title) else dialog.title[:60]


def _risk_of_dialog(dialog: Dialog, workspace: str) -> Risk:
    if dialog.kind != "permission":
        return Risk()
    tool = _tool_of(dialog)
    if tool == "Bash" and dialog.command:
        return risk_of(dialog.command, workspace=workspace)
    if tool == "Edit":
        return edit_risk(re.findall(r"(?<!\S)(?:/|\.\./|~)\S+", dialog.detail), workspace=workspace)
    return Risk(network=True) if dialog.title.startswith("Fetch") else Risk(writes=True, hidden=True)


def same_question(asked: Question, dialog: Dialog) -> bool:
    """Is this dialog the one of a hook's question? The screen may show its command wrapped or cut."""
    if dialog.kind != "permission":
        return False
    shown, told = _squeezed(dialog.command), _squeezed(asked.command)
    if shown and told and (told.startswith(shown) or shown.startswith(told)):
        return True
    if len(shown) >= _TELLING and shown[:_TELLING] == told[:_TELLING]:
        return True
    first = asked.command.split("\n", 1)[0].rstrip("/").rsplit("/", 1)[-1]
    return asked.tool in _EDITS and bool(first) and _squeezed(first) in _squeezed(f"{dialog.title}{dialog.detail}")


def just_the_same(asked: str, shown: str) -> bool:
    """One command, but for how its lines were broken."""
    return _squeezed(asked) == _squeezed(shown)


def _squeezed(text: str) -> str:
    return _SPACE.sub("", text).rstrip("…")


def together(asked: Question, dialog: Dialog, *, workspace: str) -> Question:
    """One question of a hook and its dialog: the hook's exact words, the dialog's choices."""
    seen = from_dialog(dialog, workspace=workspace)
    return replace(asked, title=seen.title, choices=seen.choices, fingerprint=seen.fingerprint)


def group_of(question: Question, *, agent: str, profile: str | None, workdir: str) -> str:
    """Questions with the same value share one card: the same request of several agents, and the questions at the start
    of a CLI per profile and folder. A dangerous one stands alone."""
    if question.kind in ("trust", "hooks", "apikey", "login", "update"):
        return digest(question.kind, profile or "", workdir, question.title)
    if question.kind != "permission" or question.risk.dangerous or not question.command:
        return digest("alone", agent, question.question)
    return digest("same", question.tool, question.command, *(c.label for c in question.choices))


def fragments(dialog: Dialog, choice: Choice) -> tuple[str, ...]:
    """Words that must stand on the screen in the very moment of a key press: the choice with its digit, and the start
    of what is asked. Only characters that mean nothing in a tmux format, and short, for lines wrap."""
    label = f"{choice.key}. {choice.label}" if choice.key else choice.label
    asked = dialog.command.split("\n", 1)[0] or dialog.title
    return tuple(part for part in (_safe(label, 14), _safe(asked, 24)) if len(part) >= 3)


def _safe(text: str, most: int) -> str:
    """The longest run of plain characters near the start of a line."""
    runs = [run.strip() for run in _SAFE.findall(text[: most * 2])]
    return max(runs, key=len, default="")[:most].strip()


def allow(suggestions: Sequence[Any] = ()) -> dict[str, Any]:
    """What a PermissionRequest hook prints to allow; `suggestions` (Claude only) also grant what Claude proposed."""
    decision: dict[str, Any] = {"behavior": "allow"}
    if suggestions:
        decision["updatedPermissions"] = list(suggestions)
    return _decided(decision)


def deny(message: str, *, stop: bool = False) -> dict[str, Any]:
    """What it prints to deny: the model is told `message` and goes on, unless `stop` (Claude only) ends the turn."""
    return _decided({"behavior": "deny", "message": message, **({"interrupt": True} if stop else {})})


def _decided(decision: Mapping[str, Any]) -> dict[str, Any]:
    return {"hookSpecificOutput": {"hookEventName": "PermissionRequest", "decision": dict(decision)}}


def mark_of(members: Iterable[tuple[str, str, Sequence[str]]]) -> str:
    """What a button is bound to: 8 hex digits over (id, question, labels) of all that its card asks."""
    return digest(*(f"{one}|{question}|{'|'.join(labels)}" for one, question, labels in sorted(members)))[:8]
