"""Types of agents, as data: the built-in ones, and the person's own in `.maf/config/agent-types.json`.

    {"types": {"claude-docs": {"kind": "claude", "role": "implementor", "description": "Writes the manual",
      "prefix": "m", "command": ["--model", "sonnet"], "env": {"TZ": "UTC"}, "limit": 2,
      "restart": {"times": 3, "within": 600},
      "windows": [{"name": "site", "layout": "even-vertical", "panes": ["@git", "npm run dev"]}]}}}

The outer "types" may be left out. An own type with the name of a built-in one replaces it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bot.agents.panels.command import PANELS
from bot.errors import NotFound, WrongSetting, reason_of
from bot.foreign import read_json
from bot.home import Home

Kind = Literal["claude", "codex", "demo", "shell"]
Role = Literal["implementor", "reviewer", "committer", "supervisor", "none"]
Layout = Literal["even-horizontal", "even-vertical", "main-horizontal", "main-vertical", "tiled"]


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Command = Annotated[str, Field(min_length=1, max_length=2000)]


class SideWindow(_Data):
    """A window beside the agent's own, with one or more panes, in the agent's folder and environment.

    A pane is a command line (run with `sh -c`; when it has ended the pane stays and offers to run it again), or one of
    our panels: @monitor @git @review @staging @history @tests @lint.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,24}$")]
    panes: tuple[Command, ...] = Field(min_length=1, max_length=6)
    layout: Layout = "even-vertical"

    @field_validator("name")
    @classmethod
    def _not_the_agents(cls, value: str) -> str:
        if value in ("agent", "run"):
            raise ValueError("agent and run are windows that every agent has")
        return value

    @field_validator("panes")
    @classmethod
    def _known_panels(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [pane for pane in value if pane.startswith("@") and pane[1:] not in PANELS]
        if unknown:
            raise ValueError(f"{unknown[0]} is no panel; there are: {' '.join('@' + name for name in PANELS)}")
        return value


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

    @field_validator("windows")
    @classmethod
    def _own_names(cls, value: tuple[SideWindow, ...]) -> tuple[SideWindow, ...]:
        names = [window.name for window in value]
        if len(set(names)) < len(names):
            raise ValueError("two windows have the same name")
        return value


def _window(name: str, *panes: str) -> SideWindow:
    return SideWindow(name=name, panes=panes)


_DEVELOPMENT = (_window("monitoring", "@monitor"), _window("git", "@git"), _window("tests", "@tests"))

BUILT_IN: tuple[AgentType, ...] = (
    AgentType(
        name="claude-worker",
        kind="claude",
        role="implementor",
        prefix="w",
        description="Claude Code for development, with windows for monitoring, git and tests",
        windows=_DEVELOPMENT,
    ),
    AgentType(
        name="codex-worker",
        kind="codex",
        role="implementor",
        prefix="w",
        description="Codex for development, with windows for monitoring, git and tests",
        windows=_DEVELOPMENT,
    ),
    AgentType(
        name="codex-reviewer",
        kind="codex",
        role="reviewer",
        prefix="r",
        description="Codex for reviews, with windows for review and lint",
        windows=(_window("review", "@review"), _window("lint", "@lint")),
    ),
    AgentType(
        name="claude-committer",
        kind="claude",
        role="committer",
        prefix="c",
        description="Claude Code for commits, with windows for staging and history",
        windows=(_window("staging", "@staging"), _window("history", "@history")),
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


class WrongTypes(WrongSetting):
    """agent-types.json does not fit."""

    hint = "Mend the file; moved aside, the built-in types serve alone."


def load_types(home: Home) -> dict[str, AgentType]:
    """All types by name. Raises WrongSetting that names the file, the path in it and the reason."""
    types = {one.name: one for one in BUILT_IN}
    path = home.agent_types
    if not path.is_file():
        return types
    try:
        raw = read_json(path.read_text("utf8"))
    except (OSError, ValueError) as error:
        raise WrongTypes(f"{path}: cannot be read as JSON: {error}") from error
    own = raw.get("types", raw) if isinstance(raw, dict) else raw
    if not isinstance(own, dict):
        raise WrongTypes(f"{path}: types: should be an object of types by name")
    for name, body in own.items():
        if not isinstance(body, dict):
            raise WrongTypes(f"{path}: {name}: should be an object")
        try:
            types[name] = AgentType.model_validate({**body, "name": name})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join((name, *(str(part) for part in first["loc"])))
            raise WrongTypes(f"{path}: {where}: {reason_of(first)}") from error
    return types


def type_named(types: dict[str, AgentType], name: str) -> AgentType:
    """The type of that name. Raises NotFound with the nearest ones."""
    if name not in types:
        raise NotFound.of("agent type", name, types)
    return types[name]
