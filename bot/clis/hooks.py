"""Our hooks in the settings of a CLI's home: put in, taken out, and whatever the person has there left as it is.

Claude Code 2.1.328 reads `settings.json`, Codex 0.169.0 `hooks.json` in the same shape; Codex also wants each hook
trusted by a hash in config.toml, else it opens a review at its next start. The functions over dictionaries are pure.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.clis.kept import give_back, keep, replace_text, text_of
from bot.errors import Refused

SETTINGS_FILE = {"claude": "settings.json", "codex": "hooks.json"}
# Seconds. A permission waits for a person: Claude shows its own dialog meanwhile and may wait long; Codex shows none
# while its hook waits, so there the wait is bounded and then its dialog appears.
PERMISSION_TIMEOUT_S = {"claude": 3600, "codex": 100}
TIMEOUT_S = 10
# Codex 0.169.0 lets these two have 3 s at most, and its trust is in what it makes of them: ask for no more.
SHORT_S = 3
SHORT = frozenset({"Interrupt", "SessionEnd"})
EVENTS: dict[str, tuple[str, ...]] = {
    "claude": (
        "SessionStart",
        "UserPromptSubmit",
        "PermissionRequest",
        "PostToolUse",
        "Notification",
        "Stop",
        "StopFailure",
        "PreCompact",
        "PostCompact",
        "SessionEnd",
    ),
    "codex": (
        "SessionStart",
        "UserPromptSubmit",
        "PermissionRequest",
        "PostToolUse",
        "Stop",
        "Interrupt",
        "PreCompact",
        "PostCompact",
        "SessionEnd",
    ),
}
WITH_MATCHER = frozenset({"PermissionRequest", "PostToolUse"})
STATUSLINE_KEPT = "maf-statusline.json"
Settings = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Installed:
    """What stands in a home now."""

    events: tuple[str, ...]
    statusline: bool

    @property
    def any(self) -> bool:
        return bool(self.events) or self.statusline


def is_ours(command: object) -> bool:
    """Is this the command of a hook that we put there, whichever place `maf` was installed in then."""
    if not isinstance(command, str):
        return False
    try:
        words = shlex.split(command)
    except ValueError:
        return False
    return len(words) >= 2 and Path(words[0]).name == "maf" and words[1] == "hook"


def with_hooks(settings: Mapping[str, Any], kind: str, command: str) -> Settings:
    """The settings with one group of ours at the end of each event's list."""
    result = without_hooks(settings)
    hooks = result.setdefault("hooks", {})
    for event in EVENTS[kind]:
        timeout = SHORT_S if event in SHORT else TIMEOUT_S
        if event == "PermissionRequest":
            timeout = PERMISSION_TIMEOUT_S[kind]
        group: Settings = {"hooks": [{"type": "command", "command": command, "timeout": timeout}]}
        if event in WITH_MATCHER:
            group = {"matcher": "*", **group}
        hooks.setdefault(event, []).append(group)
    return result


def without_hooks(settings: Mapping[str, Any]) -> Settings:
    """The settings without anything of ours; groups and events that were only ours go, others stay as they are."""
    result = copy.deepcopy(dict(settings))
    hooks = result.get("hooks")
    if not isinstance(hooks, dict):
        return result
    for event in list(hooks):
        groups = hooks[event]
        if not isinstance(groups, list):
            continue
        kept = [group for group in (_without_ours(g) for g in groups) if group is not None]
        if kept:
            hooks[event] = kept
        elif groups:
            del hooks[event]
    if not hooks:
        del result["hooks"]
    return result


def _without_ours(group: Any) -> Any:
    if not isinstance(group, dict) or not isinstance(group.get("hooks"), list):
        return group
    others = [h for h in group["hooks"] if not (isinstance(h, dict) and is_ours(h.get("command")))]
    if len(others) == len(group["hooks"]):
        return group
    return {**group, "hooks": others} if others else None


def ours(settings: Mapping[str, Any]) -> Iterator[tuple[str, int, int, Settings, Settings]]:
    """Every hook of ours as (event, group index, hook index, group, hook)."""
    hooks = settings.get("hooks")
    for event, groups in (hooks if isinstance(hooks, dict) else {}).items():
        for at, group in enumerate(groups if isinstance(groups, list) else []):
            found = group.get("hooks") if isinstance(group, dict) else None
            for number, hook in enumerate(found if isinstance(found, list) else []):
                if isinstance(hook, dict) and is_ours(hook.get("command")):
                    yield event, at, number, group, hook


def snake(event: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", event).lower()


def trusted_hash(event: str, group: Mapping[str, Any], hook: Mapping[str, Any]) -> str:
    """Codex's trust in one hook: sha256 of compact JSON with sorted keys (matches 0.169.0 for hooks with a timeout)."""
    identity: Settings = {
        "event_name": snake(event),
        "hooks": [
            {"async": False, "command": hook["command"], "timeout": hook.get("timeout", 600), "type": hook["type"]}
        ],
    }
    if "matcher" in group:
        identity["matcher"] = group["matcher"]
    text = json.dumps(identity, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def trust_of(settings: Mapping[str, Any], path: Path) -> dict[str, str]:
    """Key -> hash of every hook of ours in the hooks.json at `path`."""
    return {
        f"{path}:{snake(event)}:{at}:{number}": trusted_hash(event, group, hook)
        for event, at, number, group, hook in ours(settings)
    }


_STATE = re.compile(r'^\[hooks\.state\."(?P<key>(?:[^"\\]|\\.)*)"\]\s*$')


def with_trust(config: str, trust: Mapping[str, str], path: Path) -> str:
    """config.toml with our trust at its end; older entries for the same file's hooks of ours are replaced."""
    kept = without_trust(config, set(trust))
    blocks = [f"[hooks.state.{json.dumps(key)}]\ntrusted_hash = {json.dumps(value)}\n" for key, value in trust.items()]
    return (kept.rstrip() + "\n\n" if kept.strip() else "") + "\n".join(blocks) if blocks else kept


def without_trust(config: str, keys: set[str]) -> str:
    """config.toml without the tables of these keys; everything else to the letter."""
    lines, dropping = [], False
    for line in config.splitlines(keepends=True):
        if line.lstrip().startswith("["):
            match = _STATE.match(line.strip())
            dropping = bool(match) and json.loads(f'"{match["key"]}"') in keys if match else False
        if not dropping:
            lines.append(line)
    return "".join(lines)


def read_settings(path: Path) -> Settings:
    """A settings file; a missing one is empty. Raises Refused for one that is no JSON object: it is not ours to
    mend."""
    try:
        value = json.loads(path.read_text(encoding="utf8") or "{}")
        json.dumps(value, allow_nan=False)  # 1e400 would come out as Infinity, which is no JSON
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise Refused(
            f"{path} cannot be read: {error}", hint="Mend it, then try again; nothing was changed."
        ) from error
    if not isinstance(value, dict):
        raise Refused(f"{path} holds no JSON object.", hint="Mend it, then try again; nothing was changed.")
    return value


def would_write(home: Path, kind: str, maf: str) -> bool:
    """Has `install` anything to change there? Raises as it does."""
    path = home / SETTINGS_FILE[kind]
    before = read_settings(path)
    settings = _wanted(path, before, kind, maf)
    if settings != before or kind != "codex":
        return settings != before
    theirs = without_trust(text := _config_of(home), set(trust_of(before, path)))
    return with_trust(theirs, trust_of(settings, path), path) != text


def install(home: Path, kind: str, maf: str) -> Installed:
    """Put our hooks (and for Claude our statusline, which runs the person's own after it) into a home. Idempotent."""
    path = home / SETTINGS_FILE[kind]
    before = read_settings(path)
    settings = _wanted(path, before, kind, maf)
    if kind == "codex":
        _config_of(home)  # hooks that Codex cannot be told to trust would open a review at its next start
    if not installed(home, kind).any:
        keep(path)
    if kind == "claude":
        _keep_statusline(before, home)
    if settings != before:
        replace_text(path, _json(settings))
    if kind == "codex":
        _trust(home, trust_of(settings, path), path, drop=set(trust_of(before, path)))
    return installed(home, kind)


def _wanted(path: Path, before: Settings, kind: str, maf: str) -> Settings:
    """The settings with ours in them. Raises Refused where they have no place for them."""
    if not _has_room(before, kind):
        raise Refused(f'The "hooks" in {path} are no lists by event.', hint="Mend it, then try again.")
    settings = with_hooks(before, kind, shlex.join([maf, "hook"]))
    return _with_statusline(settings, shlex.join([maf, "hook", "statusline"])) if kind == "claude" else settings


def remove(home: Path, kind: str) -> Installed:
    """Take everything of ours out again; the person's statusline comes back."""
    path = home / SETTINGS_FILE[kind]
    before = read_settings(path)
    settings = without_hooks(before)
    if kind == "claude":
        settings = _without_statusline(settings, home)
    if settings != before:
        give_back(path, _json(settings), lambda text: _meaning(json.loads(text or "{}")) == _meaning(settings))
    if settings.get("statusLine") != before.get("statusLine"):
        (home / STATUSLINE_KEPT).unlink(missing_ok=True)  # only now that it stands in its place again
    if kind == "codex":
        _trust(home, {}, path, drop=set(trust_of(before, path)))
    return installed(home, kind)


def _has_room(settings: Settings, kind: str) -> bool:
    """Can our groups be added to what stands there?"""
    hooks = settings.get("hooks", {})
    return isinstance(hooks, dict) and all(isinstance(hooks.get(event, []), list) for event in EVENTS[kind])


def _meaning(settings: Settings) -> Settings:
    """The settings without ours and without what says nothing: an event with no hooks, a statusline that is none."""
    result = without_hooks(settings)
    hooks = result.pop("hooks", {})
    line = result.pop("statusLine", None)
    said = {event: groups for event, groups in hooks.items() if groups != []} if isinstance(hooks, dict) else hooks
    return {**result, **({"hooks": said} if said else {}), **({"statusLine": line} if isinstance(line, dict) else {})}


def _json(settings: Settings) -> str:
    text = json.dumps(settings, indent=2, ensure_ascii=False)
    try:
        text.encode("utf8")
    except UnicodeEncodeError:  # half a character, which only an escape can hold
        text = json.dumps(settings, indent=2)
    return text + "\n"


def installed(home: Path, kind: str) -> Installed:
    """What of ours stands in a home."""
    settings = read_settings(home / SETTINGS_FILE[kind])
    line = settings.get("statusLine")
    return Installed(
        tuple(sorted({event for event, *_ in ours(settings)})),
        isinstance(line, dict) and is_ours(line.get("command")),
    )


def _with_statusline(settings: Settings, command: str) -> Settings:
    line = settings.get("statusLine")
    theirs = line if isinstance(line, dict) else {}  # how it is set in, too
    return {**settings, "statusLine": {**theirs, "type": "command", "command": command}}


def _keep_statusline(settings: Settings, home: Path) -> None:
    """Put the person's own beside, where ours is going to stand."""
    line = settings.get("statusLine")
    if isinstance(line, dict) and not is_ours(line.get("command")):
        replace_text(home / STATUSLINE_KEPT, json.dumps(line))


def _without_statusline(settings: Settings, home: Path) -> Settings:
    line = settings.get("statusLine")
    if not isinstance(line, dict) or not is_ours(line.get("command")):
        return settings
    settings = {key: value for key, value in settings.items() if key != "statusLine"}
    kept = home / STATUSLINE_KEPT
    if kept.is_file():
        settings["statusLine"] = read_settings(kept)
    return settings


def _config_of(home: Path) -> str:
    """Codex's config.toml. Raises Refused for one that cannot be read."""
    config = home / "config.toml"
    try:
        text = text_of(config)
        tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise Refused(f"{config} cannot be read: {error}", hint="Mend it, then try again.") from error
    return text


def _trust(home: Path, trust: Mapping[str, str], path: Path, *, drop: set[str]) -> None:
    config, text = home / "config.toml", _config_of(home)
    theirs = without_trust(text, drop)
    fresh = with_trust(theirs, trust, path)
    if fresh == text:
        return
    if not trust:
        meant = tomllib.loads(fresh)
        give_back(config, fresh, lambda before: tomllib.loads(before) == meant)
        return
    if theirs == text:
        keep(config)
    replace_text(config, fresh)
