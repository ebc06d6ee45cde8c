"""What becomes of a delivery that was under way when the bot ended. Pure.

The row was written before each action, so the row says what may have happened, and the pane and the CLI's files say
what did. Nothing is ever pasted a second time while there is any trace of the first.
"""

from __future__ import annotations

from typing import Literal

from bot.agents.delivery.composer import Standing
from bot.agents.delivery.model import Status

Verdict = Literal["enter", "again", "wait", "unconfirmed"]


def after_restart(status: Status, *, stands: Standing, dialog: bool, running: bool, entered: bool) -> Verdict:
    """For a delivery without evidence; `entered`: its Enter left a trace in the CLI's files.

    enter: press the one Enter · again: nothing was typed, begin anew · wait: evidence may still come, without a key
    from us · unconfirmed: the person decides.
    """
    if entered:
        return "wait"
    if not running:
        # The program that held the composer is gone, and so is what stood in it.
        return "again" if status == "intended" else "unconfirmed"
    if dialog:
        return "unconfirmed"
    if stands == "ours":
        return "enter"
    if stands == "empty":
        return "again" if status == "intended" else "wait"
    return "unconfirmed"
