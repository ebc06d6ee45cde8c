"""May a prompt be typed into this pane now? Pure; the reasons are read by people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.clis.model import Dialog, ScreenReading, State

Act = Literal["go", "queue", "refuse"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a prompt, and why not now. `passes`: the hindrance goes by itself or with a person's answer, so a
    prompt that is queued already stays queued."""

    act: Act
    reason: str = ""
    passes: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an agent at this moment. `pane` is "gone" or "dead" where there is nothing to type into;
    `running` says that its CLI is in the foreground of the pane, awake or frozen."""

    agent: str
    state: State
    pane: Literal["ok", "gone", "dead", "input off"]
    running: bool
    reading: ScreenReading | None
    takes_prompts: bool = True


GO = Decision("go")


def decide(facts: Facts, *, now: bool) -> Decision:
    """`now` steers a working agent instead of waiting for it. Where anything is in doubt nothing is typed."""
    for rule in (_not_there, _asked, _composer):
        if (hindrance := rule(facts)) is not None:
            return hindrance
    name = facts.agent
    if facts.state in (State.IDLE, State.ERROR) or (facts.state is State.WORKING and now):
        return GO
    if facts.state is State.WORKING:
        return Decision("queue", f"{name} is working.")
    if facts.state is State.STARTING:
        return Decision("queue", f"{name} is starting.")
    return Decision("queue", f"It cannot be told what {name} is doing.")


def _not_there(facts: Facts) -> Decision | None:
    name = facts.agent
    reason = ""
    if not facts.takes_prompts:
        reason = f'{name} is a shell and takes no prompts. Use: maf agent run {name} "COMMAND".'
    elif facts.state is State.STOPPED:
        reason = f"{name} is stopped. Start it first."
    elif facts.state is State.FROZEN:
        reason = f"{name} is frozen. Thaw it first."
    elif facts.pane == "input off":
        reason = f"The pane of {name} takes no input (tmux select-pane -e turns it on)."
    elif facts.state is State.STARTING:
        return None if facts.pane == "ok" and facts.running else Decision("queue", f"{name} is starting.")
    elif facts.pane != "ok" or not facts.running or facts.state is State.DEAD:
        reason = f"{name} is not running: its program has ended. Restart it first."
    return Decision("refuse", reason) if reason else None


def _asked(facts: Facts) -> Decision | None:
    reading, name = facts.reading, facts.agent
    if reading is not None and reading.dialog is not None:
        return Decision("refuse", _dialog_reason(name, reading.dialog), passes=True)
    if facts.state is State.WAITING:
        return Decision(
            "refuse", f"{name} waits for an answer; your text would have answered it. Answer first.", passes=True
        )
    if facts.state is State.LIMITED:
        reset = f" It resets {reading.reset_at}." if reading is not None and reading.reset_at else ""
        return Decision("refuse", f"{name} has reached its usage limit.{reset}", passes=True)
    return None


def _dialog_reason(name: str, dialog: Dialog) -> str:
    if dialog.kind == "permission":
        return f"{name} waits for a permission; your text would have answered it. Answer first."
    if dialog.kind == "login":
        return f"{name} is not logged in. Log it in first."
    return f"{name} asks a question ({dialog.title or dialog.kind}); your text would have answered it. Answer first."


def _composer(facts: Facts) -> Decision | None:
    reading, name = facts.reading, facts.agent
    if reading is not None and reading.composer.holds_text:
        begun = " ".join(reading.composer.text.split())
        shown = f"“{begun[:40]}{'…' if len(begun) > 40 else ''}”"
        return Decision(
            "refuse", f"Text stands in the composer of {name} ({shown}); yours would have been glued to it."
        )
    if facts.state is State.COMPOSING:
        return Decision("refuse", f"Somebody is writing in {name}; your text would be glued to theirs.", passes=True)
    if reading is None or reading.composer.kind == "absent":
        return Decision("queue", f"The input line of {name} is not on its screen.")
    return None
