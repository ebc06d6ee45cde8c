"""What an agent asks a person: the tool and its exact input, its risk, the choices, and how to tell two questions
apart. Pure.

A question reaches us twice: as the input of a PermissionRequest hook, and as a dialog on the screen.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from bot.agents.permissions.inputs import PLANS, input_text, patch_of, patches, tool_of
from bot.agents.permissions.risk import EDITS, Risk, risk_of_dialog, risk_of_tool
from bot.agents.state.turn import Turn
from bot.clis.model import Dialog, DialogKind, Option

Grant = Literal["once", "no", "lasting", "choice", "tick"]

AT_START: frozenset[DialogKind] = frozenset({"trust", "hooks", "apikey", "login", "update"})  # what a CLI asks then
MAX_TEXT = 200_000  # characters of a command or diff that are kept
MAX_REMARK = 120  # characters of what is said about a choice
# Their answers stand on the CLI's own screen: a hook could only say yes or no to asking a question of the model, and
# Claude Code 2.1.328 does not take its yes to a plan.
ON_ITS_SCREEN = frozenset({"AskUserQuestion", PLANS})
_NO = re.compile(
    r"(?i)^(no\b|back\b|continue without\b|cancel\b|reject\b|deny\b|decline\b|don.?t allow\b|exit\b|quit\b"
    r"|tell claude\b|chat about this$)"
)
_FOR_GOOD = re.compile(r"(?i)\bin the future\b|\balways\b|don.?t ask")
_ONCE = re.compile(
    r"(?i)^(yes|yes, proceed|yes, once|yes, just this once|allow once|approve|proceed|allow"
    r"|yes, manually approve edits)$"
)
_TELL = re.compile(r"(?i)^(no, and )?tell\b")
# After these of Codex 0.169.0 the call goes on, or ends, without what was asked for; it is not written down as refused.
_GOES_ON = re.compile(r"(?i)\bcontinue without\b|^cancel\b")
_LASTING = re.compile(
    r"(?i)don.?t ask|do not ask|\balways\b|\bauto\b|\b(for|during|in) (this|the) session\b|\bthis session$"
    r"|accept edits|remember|\ball\b|bypass|trust|permanent"
    r"|\b(add|buy) (funds|credits)\b|\bextra usage\b|\bupgrade\b|never show"
)
# A question of the model in Claude Code 2.1.328: its tabs, answers to tick, and the place where words may be typed.
_TABS = re.compile(r"[←→☐☒]|✔ Submit")
_TICKED = re.compile(r"\[[ ✔]\] ")
_TYPED = re.compile(r"(?:\[[ ✔]\] )?Type something\b")
_DONE = re.compile(r"Type something\.? (Submit|Next)$")  # it stands under the last answer, and Tab goes there
_TELLING = 40  # characters of a long command, cut on the screen, that are enough to know it by
_SPACE = re.compile(r"\s+")
_SAFE = re.compile(r"[A-Za-z0-9 ._/-]+")


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer. `grant` is what it costs: once and no need an operator, lasting an owner and a second tap; choice is
    an answer to a question that grants nothing, tick marks one of several and answers nothing yet."""

    label: str
    grant: Grant
    key: str = ""

    @property
    def tells(self) -> bool:
        """The CLI's own "no, and tell it what to do instead"."""
        return _TELL.match(self.label) is not None

    @property
    def goes_on(self) -> bool:
        """A no after which the call that waits for it has a result like any other."""
        return self.grant == "no" and _GOES_ON.search(self.label) is not None

    @property
    def name(self) -> str:
        """As a button shows it: an answer to tick with a mark, or without."""
        mark = "☑ " if self.label.startswith("[✔]") else "☐ "
        return _TICKED.sub(mark, self.label) if self.grant == "tick" else self.label


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
        return "lasting" if _FOR_GOOD.search(label) else "no"
    if kind == "permission":
        return "once" if _ONCE.match(label.strip()) else "lasting"
    if kind in ("limit", "question", "other", "update"):
        return "lasting" if _LASTING.search(label) else "choice"
    return "lasting"


def choices_of(dialog: Dialog) -> tuple[Choice, ...]:
    """The choices of a dialog that one key gives, named as the CLI names them; not the place where words may be typed.
    Where several answers are to be ticked the last one goes on from there."""
    kind = dialog.kind
    if kind == "other" and _LASTING.search(f"{dialog.title} {dialog.detail}"):
        kind = "trust"  # a question about lasting rights that our rules do not know by name
    if kind != "question":
        return tuple(Choice(option.label, grant_of(option.label, kind), option.key) for option in dialog.options)
    given = [_answer(option) for option in dialog.options if not _TYPED.match(option.label)]
    done = next((found for option in dialog.options if (found := _DONE.search(option.label))), None)
    return (*given, Choice(done[1], "choice", "Tab")) if done else tuple(given)


def _answer(option: Option) -> Choice:
    tick = _TICKED.match(option.label)
    return Choice(option.label, "tick" if tick else grant_of(option.label, "question"), option.key)


def from_dialog(dialog: Dialog, *, workspace: str, turn: Turn | None = None) -> Question:
    """The question that stands on a screen. `turn`, as far as the CLI wrote it down, holds what the screen leaves out:
    the patch of a question that only names its files, the plan above a question about it."""
    words, of_the_model = dialog.command or dialog.detail, dialog.kind == "question"
    title = dialog.title
    if of_the_model and _TABS.search(title):  # the names of the questions; the one that is asked stands under them
        title, _, words = (part.strip() for part in words.partition("\n"))
    if turn is not None:
        words = patch_of(dialog, turn.calls) or words or (turn.says if of_the_model and "plan" in dialog.title else "")
    shown = "\n".join([words, *_remarks(dialog)]).strip("\n") if of_the_model else words
    return Question(
        kind=dialog.kind,
        tool=tool_of(dialog),
        title=title,
        command=shown[:MAX_TEXT],
        risk=risk_of_dialog(tool_of(dialog), dialog, words, workspace),
        choices=choices_of(dialog),
        question=digest(dialog.kind, title, words),
        fingerprint=dialog.fingerprint,
    )


def _remarks(dialog: Dialog) -> list[str]:
    """What the CLI says of each answer, in short."""
    said = [(_TICKED.sub("", one.label), one.remark) for one in dialog.options if one.remark]
    return [
        f"{label}: {remark if len(remark) <= MAX_REMARK else remark[: MAX_REMARK - 1] + '…'}" for label, remark in said
    ]


def from_hook(payload: Mapping[str, Any], *, cli: str, workspace: str) -> Question:
    """The question of a PermissionRequest (Claude Code 2.1.328, Codex 0.169.0: tool_name, tool_input)."""
    tool = str(payload.get("tool_name") or "a tool")[:100]
    given = payload.get("tool_input")
    inputs = given if isinstance(given, Mapping) else {}
    words = input_text(tool, inputs)[:MAX_TEXT]
    folder = str(payload.get("cwd") or "")
    yes = Choice("Yes, proceed" if cli == "codex" else "Yes", "once")
    no = Choice("No, and tell Codex what to do differently" if cli == "codex" else "No", "no")
    return Question(
        kind="permission",
        tool=tool,
        title="",
        command=words,
        risk=risk_of_tool(tool, inputs, words, workspace, folder),
        choices=(yes, no),
        question=digest("permission", tool, words),
    )


def same_question(asked: Question, dialog: Dialog) -> bool:
    """Is this dialog the one of a hook's question? The screen may show its command wrapped or cut."""
    if dialog.kind != "permission":
        return False
    shown, told = _squeezed(dialog.command), _squeezed(asked.command)
    if shown and told and (told.startswith(shown) or shown.startswith(told)):
        return True
    if len(shown) >= _TELLING and shown[:_TELLING] == told[:_TELLING]:
        return True
    if (asked.tool in EDITS and patches(asked.command, dialog)) or asked.tool == PLANS == tool_of(dialog):
        return True
    first = asked.command.split("\n", 1)[0].rstrip("/").rsplit("/", 1)[-1]
    return asked.tool in EDITS and bool(first) and _squeezed(first) in _squeezed(f"{dialog.title}{dialog.detail}")


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
    of a CLI per profile and folder. What is not proven to read stands alone."""
    if question.kind in AT_START:
        return digest(question.kind, profile or "", workdir, question.title)
    if question.kind != "permission" or not question.risk.groupable or not question.command:
        return digest("alone", agent, question.question)
    return digest("same", question.tool, question.command, *(c.label for c in question.choices))


def fragments(dialog: Dialog, choice: Choice) -> tuple[str, ...]:
    """Words that must stand on the screen in the very moment of a key press: the choice with its digit, and the start
    of what is asked. Only characters that mean nothing in a tmux format, and short, for lines wrap."""
    label = f"{choice.key}. {choice.label}" if choice.key.isdecimal() else choice.label
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
