"""The words in which everything above speaks about an agent's screen: state, composer, dialog, reading."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol

ComposerKind = Literal["empty", "draft", "shell", "absent"]
# question: asked by the model, with answers of its making; other: a menu of the CLI; unknown: whatever stands there
# where our rules find neither a composer nor a dialog
DialogKind = Literal[
    "permission", "question", "trust", "hooks", "apikey", "login", "update", "limit", "other", "unknown"
]
Trust = Literal["high", "low"]


class State(StrEnum):
    """What an agent is doing, in the one word that is shown to people."""

    STARTING = "starting"
    IDLE = "idle"
    WORKING = "working"
    WAITING = "waiting"
    LIMITED = "limited"
    COMPOSING = "composing"
    ERROR = "error"
    FROZEN = "frozen"
    STOPPED = "stopped"
    DEAD = "dead"
    UNKNOWN = "unknown"


class ScreenLike(Protocol):
    """One captured pane: text with SGR sequences (`capture-pane -p -e`), title, and size in cells."""

    @property
    def ansi(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Composer:
    """The input box. `text` is what stands in it as far as the screen shows it: lines joined by newline, without the
    glyph and the indentation. A dim placeholder is not text. `shell` is a draft that would run as a shell command;
    `absent` means that no input box was found (a dialog hides it, or the CLI is not there)."""

    kind: ComposerKind
    text: str = ""

    @property
    def holds_text(self) -> bool:
        """True when a paste would be glued to something that stands there already."""
        return self.kind in ("draft", "shell")


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a dialog. `label` is the CLI's own wording, `remark` what it says of the choice beside or below it;
    `key` is the one that chooses it (a digit; Escape for a choice that else asks for words), or empty. `line` is the
    line of the screen that it begins on."""

    label: str
    key: str
    selected: bool
    remark: str = ""
    line: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Dialog:
    """A question the CLI asks. `command` is the command or diff in question, in the rows of the screen, empty when
    there is none; `cut`: not all of its words stand on the screen. `body`: the lines of the screen above the choices.

    `fingerprint` stays the same while the letters of the question, its detail and its choices do: not for white space,
    which changes with the width of the terminal, nor for marks and timers. It finds a dialog again; that its words are
    the same it does not prove."""

    kind: DialogKind
    title: str
    detail: str
    options: tuple[Option, ...]
    fingerprint: str
    command: str = ""
    cut: bool = False
    body: tuple[str, ...] = field(default=(), compare=False)

    @property
    def whole(self) -> bool:
        """Is all of it drawn? Claude Code 2.1.328 shows `…` for half a second where a diff will stand."""
        return self.command != "…"

    @property
    def selected(self) -> Option | None:
        """The choice that Enter would take, when the screen marks one."""
        return next((option for option in self.options if option.selected), None)


@dataclass(frozen=True, slots=True)
class ScreenReading:
    """What one screen (with its title) says.

    `state` is None when the screen alone cannot tell; `trust` is "low" where the look is also that of another state
    (an idle-looking Codex may be streaming text). `rule` names the rule that decided. `reset_at` is the reset time of a
    usage limit, verbatim as on the screen. `says` is the last thing the agent said, one short paragraph, `said_before`
    whether its newest prompt stands below that: then it answers an earlier one. `mark` is the
    title without the names that stand in it, see bot/clis/titles.py."""

    state: State | None
    rule: str
    composer: Composer
    dialog: Dialog | None = None
    reset_at: str | None = None
    says: str = ""
    said_before: bool = False
    trust: Trust = "high"
    mark: str = ""
