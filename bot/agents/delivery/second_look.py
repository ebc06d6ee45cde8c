"""The look right before Enter: may it be pressed, and if not, what is the person told. Pure."""

from __future__ import annotations

from typing import Literal

from bot.agents.delivery.composer import standing
from bot.agents.delivery.model import Delivery
from bot.agents.state.watch import Look
from bot.clis.model import State


def may_enter(look: Look, delivery: Delivery) -> Literal["yes", "wait", "no"]:
    """Only where no question is open, and exactly our text stands in the composer."""
    reading = look.reading
    if reading is None or not look.clis or look.view.state in (State.DEAD, State.STOPPED, State.FROZEN):
        return "no"
    if reading.dialog is not None or look.view.state in (State.WAITING, State.LIMITED):
        return "wait"
    return "yes" if standing(reading.composer, delivery.text) == "ours" else "wait"


def why_held(look: Look | None, agent: str) -> str:
    """Why a text that was typed got no Enter, for the person."""
    if look is None or not look.clis:
        return f"{agent} ended before Enter was pressed."
    if look.reading is not None and look.reading.dialog is not None:
        return f"{agent} asked a question after the text was typed; Enter would have answered it."
    if look.view.state is State.FROZEN:
        return f"{agent} is frozen, and the text may stand unread in its composer. Thaw it, then press Enter."
    if look.view.state is State.LIMITED:
        return f"{agent} reached its usage limit after the text was typed."
    return f"The text was typed into {agent}, but it is not what stands in its composer now, so Enter was not pressed."


def not_now(look: Look | None, agent: str) -> str:
    """Why a person's Enter was not pressed; whether one was before is not known."""
    return f"Enter was not pressed now: {_now(look, agent)}."


def unsent(delivery: Delivery, why: str) -> str:
    """What is said of a text that stands in the composer and is not to be sent any more by itself."""
    return f"{why} Enter was not pressed, and the text may stand in the composer of {delivery.agent}."


def cut_off(look: Look | None, delivery: Delivery, why: str) -> str:
    """What is said of a prompt whose delivery was cut off (`why`, a sentence) where neither screen nor files tell what
    became of it: whether Enter was pressed is not known then."""
    now = _now(look, delivery.agent)
    if delivery.status == "typed":
        return f"{why} The text was typed, and {now}: look whether it was sent."
    return f"{why} The text was about to be typed, and {now}: look whether anything arrived."


def _now(look: Look | None, agent: str) -> str:
    """What keeps a text from being sent at this moment."""
    if look is None:
        return f"{agent} cannot be seen"
    if not look.clis:
        return f"{agent} runs no more"
    if look.view.state is State.FROZEN:
        return f"{agent} is frozen now"
    if look.view.state is State.LIMITED:
        return f"{agent} is at its usage limit now"
    if look.view.state is State.WAITING or (look.reading is not None and look.reading.dialog is not None):
        return f"{agent} asks a question now"
    return f"the composer of {agent} does not hold that text alone"
