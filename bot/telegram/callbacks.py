"""What the buttons carry: ids, versions and verbs, never names or commands. At most 64 bytes, checked when packed.

A value may not hold ":", which separates the fields.
"""

from __future__ import annotations

from aiogram.filters.callback_data import CallbackData


class DraftTap(CallbackData, prefix="d"):
    """send, look, all, cancel, fresh, reopen: on a draft as it was at `version`."""

    draft: str
    version: int
    verb: str


class ItemTap(CallbackData, prefix="i"):
    """show, send, edit, skip, back, swap: on one item of a draft as it was at `version`."""

    draft: str
    version: int
    pos: int
    verb: str


class SwapTap(CallbackData, prefix="s"):
    """Give the item at `pos` to another agent."""

    draft: str
    version: int
    pos: int
    agent: str


class ReportTap(CallbackData, prefix="r"):
    """retry: on the report of an applied draft."""

    draft: str
    verb: str


class DeliveryTap(CallbackData, prefix="y"):
    """screen, enter, resend, leave, off: on one delivery."""

    id: str
    verb: str


class AgentTap(CallbackData, prefix="a"):
    """show, screen, watch, start, stop, interrupt, …: on one agent. sure-VERB, leave: what its message asks, or not."""

    id: str
    verb: str


class WhomTap(CallbackData, prefix="w"):
    """Another page of the agents that a command may be for."""

    page: int


class FleetTap(CallbackData, prefix="f"):
    """freeze, thaw, draft: for all agents, where one was asked whom a command is for."""

    verb: str


class RestTap(CallbackData, prefix="l"):
    """all, drop: on a long text of which more may come; `first` is the id of its first update."""

    first: int
    verb: str


class DialogTap(CallbackData, prefix="p"):
    """On what agents ask: `mark` is what the card asked when the button was made. `verb`: oN take choice N, cN the
    second tap of a lasting one, tN no and tell, own, each, all, back, show."""

    card: str
    mark: str
    verb: str


class PackTap(CallbackData, prefix="k"):
    """use: on a pack."""

    id: str
    verb: str


class QuotaTap(CallbackData, prefix="q"):
    """show, chart, rotate, mute, unmute, refresh, alerts, dark, light: on a profile, or on all of them.

    `window` names the one that an alert was about."""

    profile: str
    verb: str
    window: str = ""


class BoardTap(CallbackData, prefix="g"):
    """next, all, fewer, refresh, pin: on the board of agents."""

    verb: str


class ConfirmTap(CallbackData, prefix="c"):
    """yes, no: to a question that was asked before something is done; `id` names the question's row."""

    id: str
    verb: str


class SelfTap(CallbackData, prefix="b"):
    """decline, allow, move, stop, sure-stop, leave: on something that the bot does by itself; `profile` is the mark of
    where a move goes."""

    id: int
    verb: str
    profile: str = ""
