"""What a tool is to be used for: its input as a person reads it. Pure.

Tools and their inputs are those of Claude Code 2.1.328 and Codex 0.169.0.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.agents.permissions.risk import EDITS, NAMED_FILE, patched
from bot.agents.state.turn import Call
from bot.clis.model import Dialog
from bot.foreign import read_json

PLANS = "ExitPlanMode"
_PLAN_TITLES = frozenset({"Ready to code?", "Exit plan mode?"})
_SHELL_TITLES = re.compile(r"(?i)\b(bash|shell|command)\b")
_EDIT_TITLES = re.compile(r"(?i)\b(edit|edits|create|write|update|overwrite|make the following)\b")
_DESTINATION = re.compile(r"^Destination: (.+)$", re.MULTILINE)
_BEGIN = re.compile(r"^\*\*\* Begin Patch$", re.MULTILINE)
_END = re.compile(r"^\*\*\* End Patch$", re.MULTILINE)
_MOST_FILES = 200  # of a patch that are compared with those of a dialog


def input_text(tool: str, inputs: Mapping[str, Any]) -> str:
    """The exact command or change, as a person reads it."""
    command = inputs.get("command")
    if isinstance(command, str):
        return command
    if isinstance(command, list):
        return shlex.join(str(word) for word in command)
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
    return _json(inputs) if inputs else ""


def _json(inputs: Mapping[str, Any]) -> str:
    try:
        return json.dumps(inputs, ensure_ascii=False, indent=1)
    except RecursionError:
        return "(too deeply nested to be shown)"


def patch_of(dialog: Dialog, calls: Sequence[Call]) -> str:
    """The patch that waits for this dialog, which names the files and shows no change (Codex 0.169.0): of the only call
    of the turn that waits and edits these very files; empty where there is none, or several."""
    texts = [text for call in calls if not call.end for text in _texts_in(call.text)]
    found = [patch for text in texts if (patch := _patch_in(text)) and patches(patch, dialog)]
    return found[0] if len(found) == 1 else ""


def call_of(dialog: Dialog, calls: Sequence[Call]) -> dict[str, str] | None:
    """Find the input of the call that a dialog asks about, in the words of a hook, in what its CLI wrote down: that of
    the only waiting call with this command or file. A screen shows neither the folder of a command (Codex 0.169.0) nor
    the whole path of a file (Claude Code 2.1.328)."""
    named = NAMED_FILE.match(dialog.detail)
    found = []
    for call in calls:
        if not call.end and dialog.command and (command := _command_of(call)) and command[0] == dialog.command:
            found.append({"command": command[0], "workdir": command[1]})
        elif not call.end and named and f"/{call.path}".endswith(f"/{named[1]}"):
            found.append({"file_path": call.path})
    return found[0] if len(found) == 1 else None


def _command_of(call: Call) -> tuple[str, str]:
    """(command of a call, the folder that it is to run in)."""
    try:
        given = read_json(call.text)
    except ValueError:
        given = None
    if not isinstance(given, Mapping):
        return call.text, call.folder
    return str(given.get("cmd") or given.get("command") or ""), str(given.get("workdir") or call.folder)


def _patch_in(text: str) -> str:
    """From its first beginning to the next end."""
    begin = _BEGIN.search(text)
    end = _END.search(text, begin.end()) if begin else None
    return text[begin.start() : end.end()] if begin and end else ""


def patches(patch: str, dialog: Dialog) -> bool:
    """Are these the files that the dialog names? It names them in full, a patch as its writer does."""
    shown = {path.strip() for path in _DESTINATION.findall(dialog.detail)}
    ends = {path.removeprefix("./").rsplit("../", 1)[-1].lstrip("/") for path in patched(patch)}
    if not 0 < len(ends) == len(shown) <= _MOST_FILES:
        return False
    return all(any(path.endswith(end) for path in shown) for end in ends)


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
