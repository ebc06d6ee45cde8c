"""What an agent asks a person: the tool and its exact input, its risk, the choices, and how to tell two questions
apart. Pure.

A question reaches us twice: as the input of a PermissionRequest hook, and as a dialog on the screen.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bot.agents.permissions.inputs import PLANS, call_of, input_text, patch_of, tool_of
from bot.agents.permissions.risk import Risk, risk_of_dialog, risk_of_tool
from bot.agents.state.turn import Call, Turn
from bot.clis.model import Dialog, DialogKind, Option

# choice: an answer to a question; tick: marks one of several answers; key: moves a mark, nobody knows which
Grant = Literal["once", "no", "lasting", "choice", "tick", "key"]

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
CUT = "⚠️ Not all of it stands on its screen, so that it cannot be told what a yes would allow: answer it there."


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
    """What is asked. `question` names it by its exact words; `fingerprint` is that of its dialog once one was seen;
    `note` is what a person has to know beside them."""

    kind: DialogKind
    tool: str
    title: str
    command: str
    risk: Risk
    choices: tuple[Choice, ...]
    question: str
    fingerprint: str = ""
    note: str = ""


def digest(*parts: str) -> str:
    """16 hex digits over some words, each byte of them."""
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


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
    if kind == "unknown":  # nobody knows what Enter or Esc grants there
        moves = ("Up", "Down")
        return tuple(Choice(o.label, "key" if o.key in moves else "lasting", o.key) for o in dialog.options)
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
    the patch of a question that only names its files, a plan. Where words are cut off there is no yes among the
    choices."""
    words, of_the_model = dialog.command or dialog.detail, dialog.kind == "question"
    call = call_of(dialog, turn.calls) if turn is not None else None
    title, tool, cut = dialog.title, tool_of(dialog), dialog.cut and dialog.kind == "permission"
    if of_the_model and _TABS.search(title):  # the names of the questions; the one that is asked stands under them
        title, _, words = (part.strip() for part in words.partition("\n"))
    if turn is not None:
        told = plan_of(turn.calls) if tool == PLANS else patch_of(dialog, turn.calls)
        words = told or words or (turn.says if of_the_model and "plan" in dialog.title else "")
        cut = cut and not told
    choices = choices_of(dialog)
    shown = "\n".join([words, *_remarks(dialog)]).strip("\n") if of_the_model else words
    return Question(
        kind=dialog.kind,
        tool=tool,
        title=title,
        command=kept(shown),
        risk=risk_of_dialog(tool, dialog, words, workspace, call),
        choices=tuple(choice for choice in choices if choice.grant == "no") if cut else choices,
        question=digest(dialog.kind, title, words, *(call or {}).values()),
        fingerprint=dialog.fingerprint,
        note=CUT if cut else "",
    )


def kept(text: str) -> str:
    """The text as far as it is kept; the end says how much is missing."""
    rest = len(text) - MAX_TEXT
    return text if rest <= 0 else f"{text[:MAX_TEXT]}\n… {rest:,} more characters, which are not kept"


def plan_of(calls: Sequence[Call]) -> str:
    """The plan of the only call that waits with one."""
    plans = [call.text for call in calls if not call.end and call.name == PLANS]
    return plans[0] if len(plans) == 1 else ""


def _remarks(dialog: Dialog) -> list[str]:
    """What the CLI says of each answer, in short."""
    said = [(_TICKED.sub("", one.label), one.remark) for one in dialog.options if one.remark]
    return [
        f"{label}: {remark if len(remark) <= MAX_REMARK else remark[: MAX_REMARK - 1] + '…'}" for label, remark in said
    ]


def from_hook(payload: Mapping[str, Any], *, cli: str, workspace: str) -> Question:
    """The question of a PermissionRequest (Claude Code 2.1.328, Codex 0.169.0: tool_name, tool_input)."""
    tool, inputs, words = _told(payload)
    folder = str(payload.get("cwd") or "")
    yes = Choice("Yes, proceed" if cli == "codex" else "Yes", "once")
    no = Choice("No, and tell Codex what to do differently" if cli == "codex" else "No", "no")
    return Question(
        kind="permission",
        tool=tool,
        title="",
        command=kept(words),
        risk=risk_of_tool(tool, inputs, words, workspace, folder),
        choices=(yes, no),
        question=digest("permission", tool, words),
    )


def name_of(payload: Mapping[str, Any]) -> str:
    """What names the question of this call, of whichever event of it."""
    tool, _, words = _told(payload)
    return digest("permission", tool, words)


def _told(payload: Mapping[str, Any]) -> tuple[str, Mapping[str, Any], str]:
    tool, given = str(payload.get("tool_name") or "a tool")[:100], payload.get("tool_input")
    inputs = given if isinstance(given, Mapping) else {}
    return tool, inputs, input_text(tool, inputs)


def group_of(question: Question, *, agent: str, profile: str | None, workdir: str) -> str:
    """Questions with the same value share one card: the same request of several agents in one folder, byte for byte,
    and the questions at the start of a CLI per profile and folder. What is not proven to read stands alone."""
    if question.kind in AT_START:
        return digest(question.kind, profile or "", workdir, question.title)
    if question.kind != "permission" or not question.risk.groupable or not question.command or question.note:
        return digest("alone", agent, question.question)
    labels = (choice.label for choice in question.choices)
    return digest("same", workdir, question.tool, question.title, question.command, *labels)


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
    return digest(*(digest(one, question, *labels) for one, question, labels in sorted(members)))[:8]
