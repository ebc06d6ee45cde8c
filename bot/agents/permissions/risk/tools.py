"""Judging a tool call of a CLI, told by a hook or shown by a dialog. Pure.

Tools and their inputs are those of Claude Code 2.1.328 and Codex 0.169.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.agents.permissions.risk.judge import risk_of
from bot.agents.permissions.risk.model import Effect, Named, Risk, Use
from bot.agents.permissions.risk.places import leaves, loaded, secret, told, within
from bot.clis.model import Dialog

SHELL_TOOLS = frozenset({"Bash", "shell", "exec_command", "local_shell"})
EDITS = frozenset({"Edit", "Write", "MultiEdit", "NotebookEdit", "apply_patch", "Update"})
_NETWORK = frozenset({"WebFetch", "WebSearch", "Fetch"})
_READS: dict[str, Use] = {"Read": "", "Glob": "", "LS": "", "Grep": "all"}
_DESTINATION = re.compile(r"^Destination: (.+)$", re.MULTILINE)  # Codex names each file in full
NAMED_FILE = re.compile(r"\A([^\s…]+)(?:\n\n|\Z)")  # Claude Code names the file above its diff
ANYTHING = Risk(effects=frozenset({Effect.HIDDEN}))


def risk_of_tool(tool: str, inputs: Mapping[str, Any], words: str, workspace: str, folder: str = "") -> Risk:
    """Judge a call that a hook told of; an unknown tool may do anything. `words`: its input as the card shows it;
    `folder`: the CLI's own, empty for the workspace."""
    if tool in SHELL_TOOLS:
        other = inputs.get("workdir") or inputs.get("cwd") or ""
        return risk_of(words, workspace=workspace, folder=within(folder, str(other)))
    paths = [str(inputs[k]) for k in ("file_path", "notebook_path", "path") if isinstance(inputs.get(k), str)]
    if tool in EDITS:
        named = paths or patched(words)
        return risk_of_edit(named, workspace=workspace, folder=folder, deletes="*** Delete File:" in words)
    if tool in _NETWORK:
        return Risk(proven=True, effects=frozenset({Effect.NETWORK}))
    if tool in _READS:
        if tool == "Glob" and isinstance(inputs.get("pattern"), str):
            paths.append(str(inputs["pattern"]))
        return _of_paths(paths or ["."], workspace, folder, use=_READS[tool])
    return ANYTHING


def risk_of_edit(paths: Sequence[str], *, workspace: str, folder: str = "", deletes: bool = False) -> Risk:
    """Judge an edit of these files (Edit, Write, apply_patch). With no file named it may be of any."""
    effects = {Effect.CHANGES} | ({Effect.DELETES} if deletes else set())
    if not paths:
        return Risk(effects=frozenset(effects))
    for path in paths:
        effects |= loaded(told(within(folder, path), workspace))
    return _of_paths(paths, workspace, folder, effects)


def _of_paths(paths: Sequence[str], workspace: str, folder: str, effects: Iterable[Effect] = (), use: Use = "") -> Risk:
    whole = dict.fromkeys(within(folder, path) for path in paths)
    secrets = any(secret(told(path, workspace)) for path in whole)
    outside = sorted(path for path in whole if leaves(path, workspace))
    named = tuple(Named(path, use) for path in whole)
    all_of = frozenset({*effects, *([Effect.CREDENTIALS] if secrets else [])})
    return Risk(proven=True, effects=all_of, outside=tuple(outside), named=named)


def patched(patch: str) -> list[str]:
    """List the files that a patch of Codex names."""
    return re.findall(r"^\*\*\* (?:(?:Add|Update|Delete) File|Move to): (.+)$", patch, re.MULTILINE)


def risk_of_dialog(
    tool: str, dialog: Dialog, words: str, workspace: str, call: Mapping[str, Any] | None = None
) -> Risk:
    """Judge what a dialog asks for. `words`: that as the card shows it; `call`: the input of the call as its CLI wrote
    it down. Without that nothing is proven, for a screen wraps and cuts words, and says not where a command runs."""
    if dialog.kind != "permission":
        return Risk()
    if tool in SHELL_TOOLS and dialog.command:
        whole = call is not None and not re.search(r"[\n…]", dialog.command)
        return risk_of_tool(tool, call or {}, dialog.command, workspace).more(proven=whole)
    if tool in EDITS:
        paths = _DESTINATION.findall(dialog.detail) or patched(words)
        named = paths or [call["file_path"] if call else path for path in NAMED_FILE.findall(dialog.detail)]
        risk = risk_of_edit(named, workspace=workspace, deletes="*** Delete File:" in words)
        return risk.more(proven=bool(paths or call))
    return Risk(proven=True, effects=frozenset({Effect.NETWORK})) if tool in _NETWORK else ANYTHING
