"""The question whom a command is for: one button for each agent it may be meant for, the likeliest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiogram.utils.formatting import ExpandableBlockQuote, Text, as_list

from bot.agents.model import AgentView
from bot.agents.registry import natural
from bot.clis.kinds import cli_for
from bot.clis.model import State
from bot.operations import Services
from bot.telegram.callbacks import AgentTap, FleetTap, WhomTap
from bot.telegram.card import Card, Message, RenderContext
from bot.telegram.keyboards import Button, in_rows
from bot.telegram.text import beginning
from handlers.cards.board import MARKS

ON_A_PAGE, WIDTH = 12, 3
LONG_NAME = 10  # characters, from which on two buttons make a row
QUOTED = 600  # units of a text that is to be given

_ENDED = frozenset({State.STOPPED, State.DEAD})
_NEEDY = (State.WAITING, State.DEAD, State.ERROR, State.LIMITED, State.WORKING)
_FREE = (State.IDLE, State.COMPOSING, State.WORKING, State.WAITING)


@dataclass(frozen=True, slots=True)
class Whom:
    """What is asked for one command. `verb` is what a button does (AgentTap); `all_label` stands on the button for all
    of them, where there is one (FleetTap). Agents whose state is in `first` stand before the others, in that order;
    those in a state of `never` are left out, and with `prompts` those that take none."""

    asks: str
    verb: str
    first: tuple[State, ...]
    never: frozenset[State] = frozenset()
    nobody: str = "There are no agents yet."
    all_label: str = ""
    prompts: bool = False


def _all_but(*states: State) -> frozenset[State]:
    return frozenset(State) - set(states)


QUESTIONS: dict[str, Whom] = {
    "agent": Whom("Which agent?", "show", _NEEDY),
    "capture": Whom("Whose screen?", "screen", _NEEDY, _ENDED, "No agent runs."),
    "watch": Whom("Whose screen shall I follow?", "watch", (State.WORKING, *_NEEDY), _ENDED, "No agent runs."),
    "send": Whom("To whom?", "ask-send", _FREE, _ENDED, "No agent runs.", prompts=True),
    "interrupt": Whom(
        "Interrupt whom?",
        "interrupt",
        (State.WORKING, State.WAITING),
        _all_but(State.WORKING, State.WAITING, State.UNKNOWN),
        "Nobody works now.",
    ),
    "stop": Whom("Stop whom?", "stop", (State.IDLE, State.ERROR, State.LIMITED), _ENDED, "No agent runs."),
    "restart": Whom("Restart whom?", "restart", (State.DEAD, State.ERROR, State.STOPPED, State.LIMITED, State.IDLE)),
    "freeze": Whom(
        "Freeze whom?", "freeze", (State.WORKING, State.WAITING), _ENDED | {State.FROZEN}, "No agent runs.", "❄️ All"
    ),
    "thaw": Whom("Let whom go on?", "thaw", (), _all_but(State.FROZEN), "No agent is frozen.", "☀️ All"),
    "claim": Whom("Who gets its next bead?", "claim", (State.IDLE,), _ENDED, "No agent runs.", prompts=True),
    "give": Whom("To whom?", "give", _FREE, _ENDED, "No agent runs.", "📢 All, after asking", prompts=True),
}
FLEET = {"freeze": "freeze", "thaw": "thaw", "give": "draft"}  # what the button for all does


def cards(app: Services) -> dict[str, Card]:
    async def whom(data: Mapping[str, Any], _context: RenderContext) -> Message:
        """data: {"ask": a key of QUESTIONS, "page": from 0, and of a text to give "text" and "file", its name}."""
        return whom_card(app.watch.views(), data)

    return {"whom": whom}


def whom_card(views: Sequence[AgentView], data: Mapping[str, Any]) -> Message:
    """The question with its buttons, page by page; a sentence where it is for nobody."""
    ask = str(data["ask"])
    question = QUESTIONS[ask]
    found = likely(question, views)
    lines: list[Text | str] = [question.asks if found else question.nobody]
    if "text" in data:
        text = str(data["text"])
        lines.insert(0, f"📄 {data['file']} · {len(text):,} characters")
        lines.append(ExpandableBlockQuote(_quoted(text)))
    if not found:
        return Message(as_list(*lines))
    pages = -(-len(found) // ON_A_PAGE)
    page = min(max(int(data.get("page") or 0), 0), pages - 1)
    shown = found[page * ON_A_PAGE : (page + 1) * ON_A_PAGE]
    agents = [Button(f"{MARKS[view.state]} {view.id}", AgentTap(id=view.id, verb=question.verb)) for view in shown]
    width = WIDTH if all(len(view.id) <= LONG_NAME for view in shown) else 2
    return Message(
        as_list(*lines), [*_for_all(ask, question, found), *in_rows(agents, width=width), *_turn(page, pages)]
    )


def likely(question: Whom, views: Sequence[AgentView]) -> list[AgentView]:
    """Those it may be meant for, the likeliest first; in between by their ids."""
    rank = {state: number for number, state in reversed(list(enumerate(question.first)))}
    meant = [view for view in views if view.state not in question.never]
    if question.prompts:
        meant = [view for view in meant if cli_for(view.agent.kind).takes_prompts]
    return sorted(meant, key=lambda view: (rank.get(view.state, len(rank)), natural(view.id)))


def _for_all(ask: str, question: Whom, found: Sequence[AgentView]) -> list[list[Button]]:
    if not question.all_label:
        return []
    number = f" {len(found)}" if ask in {"freeze", "thaw"} else ""
    return [[Button(question.all_label + number, FleetTap(verb=FLEET[ask]))]]


def _turn(page: int, pages: int) -> list[list[Button]]:
    if pages == 1:
        return []
    before, after = (page - 1) % pages, (page + 1) % pages
    label = f"{page + 1}/{pages}"
    return [[Button("◀", WhomTap(page=before)), Button(label, WhomTap(page=page)), Button("▶", WhomTap(page=after))]]


def _quoted(text: str) -> str:
    shown = beginning(text, QUOTED)
    return shown if shown == text else f"{shown}\n… {len(text) - len(shown):,} more characters"
