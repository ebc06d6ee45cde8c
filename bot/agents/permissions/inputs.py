"""What a tool is to be used for: its input as a person reads it, and its risk. Pure.

Tools and their inputs are those of Claude Code 2.1.328 and Codex 0.169.0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.agents.permissions.judge import risk_of
from bot.agents.permissions.risk import Risk, edit_risk
from bot.agents.state.turn import Call
from bot.clis.model import Dialog
from bot.foreign import read_json

EDITS = frozenset({"Edit", "Write", "MultiEdit", "NotebookEdit", "apply_patch", "Update"})
PLANS = "ExitPlanMode"
_NETWORK = frozenset({"WebFetch", "WebSearch", "Fetch"})
_READS = frozenset({"Read", "Glob", "Grep", "LS"})
_PLAN_TITLES = frozenset({"Ready to code?", "Exit plan mode?"})
_SHELL_TITLES = re.compile(r"(?i)\b(bash|shell|command)\b")
_EDIT_TITLES = re.compile(r"(?i)\b(edit|edits|create|write|update|overwrite|make the following)\b")
_DESTINATION = re.compile(r"^Destination: (.+)$", re.MULTILINE)
_PATCH = re.compile(r"^\*\*\* Begin Patch$.*?^\*\*\* End Patch$", re.MULTILINE | re.DOTALL)


def input_text(tool: str, inputs: Mapping[str, Any]) -> str:
    """The exact command or change, as a person reads it."""
    command = inputs.get("command")
    if isinstance(command, str):
        return command
    if isinstance(command, list):
        return " ".join(str(word) for word in command)
    path = str(inputs.get("file_path") or inputs.get("notebook_path") or inputs.get("path") or "")
    if tool in EDITS and path:
        edits = inputs.get("edits")
        pairs = [e for e in edits if isinstance(e, Mapping)] if isinstance(edits, list) else [inputs]
        lines = [path]
        for pair in pairs:
            lines += [f"- {line}" for line in str(pair.get("old_string") or "").splitlines()]
            new = pair.get("new_string") or pair.get("content") or pair.get("new_source") or ""
            lines += [f"+ {line}" for line in str(new).splitlines()]
        return "\n".join(lines)
    for name in ("url", "query", "file_path", "pattern", "skill", "plan"):
        if isinstance(inputs.get(name), str):
            return str(inputs[name])
    return json.dumps(inputs, ensure_ascii=False, indent=1) if inputs else ""


def risk_of_tool(tool: str, inputs: Mapping[str, Any], words: str, workspace: str) -> Risk:
    """A tool that is not known counts as one whose doing cannot all be seen."""
    if tool in ("Bash", "shell", "exec_command", "local_shell"):
        return risk_of(words, workspace=workspace)
    named = ["file_path", "notebook_path", "path", *(["pattern"] if tool == "Glob" else [])]
    paths = [str(inputs[k]) for k in named if isinstance(inputs.get(k), str)]
    if tool in EDITS:
        return edit_risk(paths or _patched(words), workspace=workspace, deletes="*** Delete File:" in words)
    if tool in _NETWORK:
        return Risk(network=True)
    if tool in _READS:
        return replace(edit_risk(paths, workspace=workspace), writes=False)
    return Risk(writes=True, hidden=True)


def _patched(patch: str) -> list[str]:
    return re.findall(r"^\*\*\* (?:(?:Add|Update|Delete) File|Move to): (.+)$", patch, re.MULTILINE)


def patch_of(dialog: Dialog, calls: Sequence[Call]) -> str:
    """The patch that waits for this dialog, which names the files and shows no change (Codex 0.169.0): of the call of
    the turn that edits these very files; empty where there is none."""
    for call in reversed([call for call in calls if not call.end]):
        for text in _texts_in(call.text):
            if (found := _PATCH.search(text)) and patches(found[0], dialog):
                return found[0]
    return ""


def patches(patch: str, dialog: Dialog) -> bool:
    """Are these the files that the dialog names? It names them in full, a patch as its writer does."""
    shown = {path.strip() for path in _DESTINATION.findall(dialog.detail)}
    ends = {path.removeprefix("./").rsplit("../", 1)[-1].lstrip("/") for path in _patched(patch)}
    return bool(ends) and len(shown) == len(ends) and all(any(path.endswith(end) for path in shown) for end in ends)


def _texts_in(arguments: str) -> Iterator[str]:
    """The texts in a call's input, which is JSON or a text by itself."""
    try:
        given = read_json(arguments)
    except ValueError:
        given = arguments
    waiting = [given]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, Mapping | list):
            waiting += one.values() if isinstance(one, Mapping) else one


def tool_of(dialog: Dialog) -> str:
    """The tool that a dialog on the screen is about, as far as its title tells."""
    if dialog.kind != "permission":
        return ""
    if dialog.title in _PLAN_TITLES:
        return PLANS
    if _SHELL_TITLES.search(dialog.title):
        return "Bash"
    return "Edit" if _EDIT_TITLES.search(dialog.title) else dialog.title[:60]


def risk_of_dialog(dialog: Dialog, words: str, workspace: str) -> Risk:
    """`words` is what is asked for, as the card shows it."""
    if dialog.kind != "permission":
        return Risk()
    tool = tool_of(dialog)
    if tool == "Bash" and dialog.command:
        return risk_of(dialog.command, workspace=workspace)
    if tool == "Edit":
        paths = _patched(words) or re.findall(r"(?<!\S)(?:/|\.\./|~)\S+", dialog.detail)
        return edit_risk(paths, workspace=workspace, deletes="*** Delete File:" in words)
    return Risk(network=True) if tool in _NETWORK else Risk(writes=True, hidden=True)
