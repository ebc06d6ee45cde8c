"""What a look after Enter says of a prompt, and what the person is told of its end. Pure."""

from __future__ import annotations

from bot.agents.delivery.composer import fold, has_left, standing
from bot.agents.delivery.evidence import Proof
from bot.agents.delivery.model import Delivery
from bot.agents.delivery.second_look import why_held
from bot.agents.delivery.trail import Trail
from bot.agents.state.watch import Look
from bot.clis.kinds import cli_for
from bot.clis.model import State
from bot.excerpt import clipped

QUIET = frozenset({State.IDLE, State.COMPOSING, State.ERROR, State.LIMITED, State.DEAD, State.STOPPED})
_WORDS = 300  # characters of a hook's words that are shown


def since_enter(look: Look | None, trail: Trail) -> Look | None:
    """The look, if it was made after we pressed Enter."""
    made_after = look is not None and trail.entered_at is not None and look.view.at > trail.entered_at
    return look if made_after else None


def left_composer(look: Look | None, delivery: Delivery, trail: Trail) -> bool:
    """Did our text leave the composer that it stood in before Enter? Not where its process has ended, nor behind a
    question, which hides the composer."""
    seen = since_enter(look, trail)
    if seen is None or seen.reading is None or not trail.clis & {(cli.pid, cli.starttime) for cli in seen.clis}:
        return False
    hidden = seen.reading.dialog is not None and seen.reading.dialog.kind != "other"
    return not hidden and has_left(seen.reading.composer, delivery.text)


def given_back(look: Look | None, delivery: Delivery, trail: Trail) -> bool:
    """Does a text that went off stand in the composer again?"""
    seen = since_enter(look, trail)
    return seen is not None and _stands(seen, delivery) == "ours"


def queued(look: Look | None, delivery: Delivery, trail: Trail) -> bool:
    """Does the screen show our text in the CLI's own queue? Of a CLI that writes its queue down the record tells."""
    seen = since_enter(look, trail)
    if seen is None or seen.screen is None:
        return False
    whole = fold(delivery.text)
    shown = [fold(prompt) for prompt in cli_for(trail.agent.kind).queue(f"{seen.screen.plain}\n")]
    return any(part and whole.startswith(part) for part in shown)


def ended(look: Look | None, trail: Trail) -> bool:
    """Has its program ended since Enter?"""
    seen = since_enter(look, trail)
    return seen is not None and not seen.clis


def remark(proof: Proof, agent: str) -> str:
    """What is to be said of a prompt that was taken; mostly nothing."""
    if proof.limited:
        return f"{agent} took the text and met its usage limit."
    if proof.over and not proof.started:
        return f"{agent} took the text, and its turn ended without an answer."
    return f"{agent} took the text, but not exactly as it was sent: look at it." if proof.altered else ""


def turned_away(delivery: Delivery, words: str, look: Look | None, *, kept: bool) -> str:
    """Why a prompt failed that a hook of the person's did not let through; `kept`: the CLI recorded it all the same."""
    said = f": “{clipped(words, _WORDS)}”" if words.strip() else "."
    where = " The text stands in its composer again." if _stands(look, delivery) == "ours" else ""
    if kept:
        where = " It stays in the conversation, and the model gets it with the next prompt."
    return f"Turned away by a hook of {delivery.agent}{said}{where}"


def not_recorded(delivery: Delivery, proof: Proof, look: Look | None, *, entered: bool, off: bool) -> str:
    """Why it is not known whether it arrived. `entered`: we pressed Enter; `off`: the text went off."""
    name = delivery.agent
    if proof.queued:
        return f"{name} keeps the text in its own queue and has not taken it yet."
    if entered and (look is None or not look.clis):
        return f"{name} ended after Enter was pressed, and had not recorded the text."
    if proof.stopped:
        return f"{name} was stopped before it recorded the text."
    found = _stands(look, delivery)
    if found == "ours":
        back = f"{name} gave the text back: it was stopped, or a hook turned it away. It stands in the composer again."
        return back if off else f"The text stands in the composer of {name}, and Enter did not send it."
    if found == "empty" and look is not None and look.reading is not None and look.reading.dialog is None:
        return f"The text is gone from the composer of {name}, but {name} has not recorded it."
    return why_held(look, name)


def _stands(look: Look | None, delivery: Delivery) -> str:
    if look is None or look.reading is None or not look.clis:
        return "absent"
    return standing(look.reading.composer, delivery.text)
