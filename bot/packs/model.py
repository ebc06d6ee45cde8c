"""A prompt pack: what the agents of one plan are told besides their task (contract.md section 4).

Packs are files that people write, so everything here is checked: unknown keys, sizes, and what is put into a prompt.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from bot.errors import MafError, reason_of

Role = Literal["implementor", "reviewer", "committer", "supervisor"]
ROLES: tuple[Role, ...] = get_args(Role)
MAX_BYTES = 256_000  # of one pack file

PackId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
AgentId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)]
Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Prose = Annotated[str, StringConstraints(max_length=8_000)]


class PackError(MafError):
    """This pack does not fit."""

    code = "pack"
    hint = "Compare it with `maf pack show general`; prompt_packs/schema.json describes every field."


class Brief(BaseModel):
    """What one role, or one agent, is told and prefers. Paths are globs from the project's root."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: list[Label] = Field([], max_length=50, description="Beads with one of these labels fit. None: all fit.")
    paths: list[Line] = Field([], max_length=50, description="Globs that this work stays in, from the project's root.")
    test_commands: list[Line] = Field([], max_length=20, description="What to run before handing the work over.")
    extra: Prose = Field("", description="Said at the end of each prompt.")


class Pack(BaseModel):
    """A whole pack. All lists may be empty: `{"id": "x", "title": "X"}` is a pack."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Prompt pack")

    id: PackId
    title: Line
    bead_prefixes: list[Label] = Field([], max_length=50, description="Only beads whose id starts so. None: all beads.")
    preamble: Prose = Field("", description="First thing that every prompt says.")
    guardrails: list[Line] = Field([], max_length=40, description="Rules for everyone, one sentence each.")
    commit_protocol: dict[Role, Prose] = Field({}, description="How each role hands its work over.")
    roles: dict[Role, Brief] = Field({}, description="What each role is told and prefers.")
    agents: dict[AgentId, Brief] = Field({}, description="The same for single agents, by id; adds to their role's.")

    @field_validator("bead_prefixes")
    @classmethod
    def _no_spaces(cls, value: list[str]) -> list[str]:
        for prefix in value:
            if re.search(r"\s", prefix):
                raise ValueError(f"{prefix!r} has a space in it; a bead's id never does")
        return value

    def role_brief(self, role: str) -> Brief:
        return next((brief for name, brief in self.roles.items() if name == role), _NOTHING)

    def agent_brief(self, agent: str) -> Brief:
        return self.agents.get(agent, _NOTHING)

    def covers(self, bead: str) -> bool:
        """Does the pack hold this bead at all?"""
        return not self.bead_prefixes or bead.startswith(tuple(self.bead_prefixes))


_NOTHING = Brief()


def modernise(raw: dict[str, Any]) -> dict[str, Any]:
    """Turn the field names of older packs into today's; today's own fields are left as they are and win.

    Older shape (the first product's `prompt-packs/README.md`): `id_prefixes`, `base_prefix` (a text in front of every
    prompt), `supervisor`/`reviewer`/`implementor_N` at the top with `label_preferences`, `reserve_paths_hint` and
    `test_commands`, `commit_protocol.implementors`. `implementor_N` becomes agent `wN`.
    """
    pack = dict(raw)
    pack.pop("$schema", None)  # an editor's hint, not content
    for old, new in (("id_prefixes", "bead_prefixes"), ("base_prefix", "preamble")):
        if old in pack:
            value = pack.pop(old)
            pack.setdefault(new, value)
    for name in [key for key in pack if key in ROLES or re.fullmatch(r"implementor_\d+", key)]:
        brief = pack.pop(name)
        numbered = re.fullmatch(r"implementor_(\d+)", name)
        place, key = ("agents", f"w{numbered[1]}") if numbered else ("roles", name)
        # A `roles` that is no object at all is left for the check to refuse.
        if isinstance(pack.get(place, {}), dict):
            pack[place] = {key: brief, **pack.get(place, {})}
    for place in ("roles", "agents"):
        if isinstance(pack.get(place), dict):
            pack[place] = {key: _modern_brief(brief) for key, brief in pack[place].items()}
    protocol = pack.get("commit_protocol")
    if isinstance(protocol, dict):
        pack["commit_protocol"] = {("implementor" if k == "implementors" else k): v for k, v in protocol.items()}
    return pack


def _modern_brief(brief: Any) -> Any:
    if not isinstance(brief, dict):
        return brief
    brief = dict(brief)
    for old, new in (("label_preferences", "labels"), ("reserve_paths_hint", "paths")):
        if old in brief:
            value = brief.pop(old)
            if isinstance(value, str):
                value = [part.strip() for part in value.split(",") if part.strip()]
            brief.setdefault(new, value)
    return brief


def parse(raw: Any, *, source: str | Path) -> Pack:
    """A checked pack. Raises PackError that names the file, each place in it that does not fit, and why."""
    if not isinstance(raw, dict):
        raise PackError(f"{source}: a pack is a JSON object, this is {_kind(raw)}")
    try:
        return Pack.model_validate(modernise(raw))
    except ValidationError as error:
        problems = [f"{_place(p['loc'])}: {_reason(p)}" for p in error.errors(include_url=False)[:10]]
        raise PackError(f"{source}: " + "; ".join(problems)) from error


def _place(loc: tuple[int | str, ...]) -> str:
    """`("roles", "reviewer", "labels", 0)` -> `roles.reviewer.labels[0]`."""
    parts = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc if step != "[key]"]
    return "".join(parts).removeprefix(".") or "(the whole file)"


def _reason(problem: Any) -> str:
    match problem["type"]:
        case "extra_forbidden":
            return "no such field"
        case "missing":
            return "is missing"
        case "literal_error" if problem["loc"][-1:] == ("[key]",):
            return f"no such role; roles are {', '.join(ROLES)}"
        case "string_pattern_mismatch":
            return f"{str(problem['input'])[:60]!r} is no id: use letters, digits, - and _"
        case _:
            return reason_of(problem)


def _kind(value: Any) -> str:
    return {list: "a list", str: "a text", type(None): "null"}.get(type(value), "something else")
