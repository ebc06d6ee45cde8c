"""Types of agents, as data: the built-in ones, and the person's own in `.maf/config/agent-types.json`.

    {"types": {"claude-docs": {"kind": "claude", "role": "implementor", "description": "Writes the manual",
      "prefix": "m", "command": ["--model", "sonnet"], "env": {"TZ": "UTC"}, "limit": 2,
      "restart": {"times": 3, "within": 600},
      "windows": [{"name": "git", "layout": "even-vertical", "panes": ["git status --short"]}]}}}

The outer "types" may be left out. An own type with the name of a built-in one replaces it.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.errors import NotFound, WrongSetting
from bot.home import Home

Kind = Literal["claude", "codex", "demo", "shell"]
Role = Literal["implementor", "reviewer", "committer", "supervisor", "none"]
Layout = Literal["even-horizontal", "even-vertical", "main-horizontal", "main-vertical", "tiled"]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SideWindow(_Data):
    """A window beside the agent's own; each pane is a command line for the person's shell."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,24}$")]
    panes: tuple[str, ...] = Field(min_length=1, max_length=6)
    layout: Layout = "even-vertical"


class Restart(_Data):
    """How often a crashed agent is started again: `times` within `within` seconds, then never by itself."""

    times: int = Field(3, ge=0, le=20)
    within: int = Field(600, ge=10, le=86400)


class AgentType(_Data):
    """One type. `command` are further arguments for the CLI; `limit` is how many agents of it may exist."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    kind: Kind
    role: Role
    description: str = ""
    prefix: Annotated[str, Field(pattern=r"^[a-z]{1,8}$")] = "a"
    command: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    windows: tuple[SideWindow, ...] = ()
    restart: Restart = Restart()
    limit: int | None = Field(None, ge=1)


_GIT_STATUS = "while :; do clear; git -c color.status=always status -sb; git --no-pager diff --stat; sleep 5; done"
_GIT_LOG = "while :; do clear; git --no-pager log --oneline --graph --color -30; sleep 10; done"
_GIT_STAGED = (
    "while :; do clear; git --no-pager diff --cached --stat; git -c color.status=always status -s; sleep 5; done"
)


def _window(name: str, *panes: str) -> SideWindow:
    return SideWindow(name=name, panes=panes)


BUILT_IN: tuple[AgentType, ...] = (
    AgentType(
        name="claude-worker",
        kind="claude",
        role="implementor",
        prefix="w",
        description="Claude Code for development, with windows for git and tests",
        windows=(_window("git", _GIT_STATUS), _window("tests", "exec ${SHELL:-sh}")),
    ),
    AgentType(
        name="codex-worker",
        kind="codex",
        role="implementor",
        prefix="w",
        description="Codex for development, with windows for git and tests",
        windows=(_window("git", _GIT_STATUS), _window("tests", "exec ${SHELL:-sh}")),
    ),
    AgentType(
        name="codex-reviewer",
        kind="codex",
        role="reviewer",
        prefix="r",
        description="Codex for reviews, with windows for review and lint",
        windows=(_window("review", _GIT_LOG), _window("lint", "exec ${SHELL:-sh}")),
    ),
    AgentType(
        name="claude-committer",
        kind="claude",
        role="committer",
        prefix="c",
        description="Claude Code for commits, with windows for staging and history",
        windows=(_window("staging", _GIT_STAGED), _window("history", _GIT_LOG)),
    ),
    AgentType(name="shell", kind="shell", role="none", prefix="s", description="A plain shell in its own session"),
    AgentType(
        name="demo",
        kind="demo",
        role="implementor",
        prefix="d",
        description="A demo agent that needs no account",
    ),
)


def load_types(home: Home) -> dict[str, AgentType]:
    """All types by name. Raises WrongSetting that names the file, the path in it and the reason."""
    types = {one.name: one for one in BUILT_IN}
    path = home.agent_types
    if not path.is_file():
        return types
    try:
        raw = json.loads(path.read_text("utf8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise WrongSetting(f"{path}: cannot be read as JSON: {error}") from error
    own = raw.get("types", raw) if isinstance(raw, dict) else raw
    if not isinstance(own, dict):
        raise WrongSetting(f"{path}: types: should be an object of types by name")
    for name, body in own.items():
        if not isinstance(body, dict):
            raise WrongSetting(f"{path}: {name}: should be an object")
        try:
            types[name] = AgentType.model_validate({**body, "name": name})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join((name, *(str(part) for part in first["loc"])))
            raise WrongSetting(f"{path}: {where}: {first['msg']}") from error
    return types


def type_named(types: dict[str, AgentType], name: str) -> AgentType:
    """The type of that name. Raises NotFound with the nearest ones."""
    if name not in types:
        raise NotFound.of("agent type", name, types)
    return types[name]
