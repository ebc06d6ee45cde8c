"""What a tool of a CLI would do with its input. Pure.

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
_FIRST = re.compile(r"\A([^\s…]+)(?:\n\n|\Z)")  # Claude Code names the file above its diff
ANYTHING = Risk(effects=frozenset({Effect.HIDDEN}))


def risk_of_tool(tool: str, inputs: Mapping[str, Any], words: str, workspace: str, folder: str = "") -> Risk:
    """A tool that is not known may do anything. `words`: its input as the card shows it; `folder`: where its CLI says
    that it is, if not in the workspace itself."""
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
    """Of an edit of files (Edit, Write, apply_patch). Where none is named it may be of any."""
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
    """The files that a patch of Codex names."""
    return re.findall(r"^\*\*\* (?:(?:Add|Update|Delete) File|Move to): (.+)$", patch, re.MULTILINE)


def risk_of_dialog(tool: str, dialog: Dialog, words: str, workspace: str) -> Risk:
    """Of what a dialog on the screen asks for; `words` is that as the card shows it. A screen may break a command into
    lines, and cut it: what it shows of one is not proven to be the command then."""
    if dialog.kind != "permission":
        return Risk()
    if tool in SHELL_TOOLS and dialog.command:
        return risk_of(dialog.command, workspace=workspace).more(proven=not re.search(r"[\n…]", dialog.command))
    if tool in EDITS:
        paths = patched(words) or _DESTINATION.findall(dialog.detail) or _FIRST.findall(dialog.detail)
        return risk_of_edit(paths, workspace=workspace, deletes="*** Delete File:" in words)
    return Risk(proven=True, effects=frozenset({Effect.NETWORK})) if tool in _NETWORK else ANYTHING
