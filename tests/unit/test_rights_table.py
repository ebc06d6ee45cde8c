"""Every command and every button names a role, and only what merely looks is open to a viewer (contract.md section 5).

A handler that is new and fails here: is it really one that only looks? Then add its line below.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiogram import Dispatcher

from bot.telegram.access import ROLES, Role
from bot.telegram.people import Access
from handlers import attach

STRANGERS = {"people.start", "people.pair"}
VIEWERS = {
    "people.help_",
    "last.unknown",
    "last.lost",
    "last.unread",
    "agents.show",
    "agents.board",
    "agents.turn_board",
    "links.link",
    "agents.next_one",
    "agents.tap_show",
    "draft.look",
    "draft.show_item",
    "permissions.back",
    "permissions.whole",
    "permissions.show",
    "packs.packs",  # setting one asks for pack.use inside
    "quota.show",
    "quota.alerts",
    "quota.tap_show",
    "quota.tap_alerts",
    "quota.tap_refresh",
    "quota.tap_theme",
    "quota.tap_chart",
    "health.health",
    "health.audit",
    "health.logs",
    "tasks.tasks",
    "last.unknown_button",
    "life.tap_leave",
    "self.leave",
    "whom.turn",
    "rest.whole",  # of a text of one's own; what it asks for is checked when it is handled
    "rest.drop",
    "rest.came",
    "last.edited",
}
SUPERVISORS = {
    "broadcast.broadcast",
    "broadcast.apply",
    "draft.send",
    "draft.send_item",
    "draft.retry",
    "deliveries.resend",
    "packs.use",
    "life.new",
    "life.begin_or_end",
    "life.tap_begin_or_end",
    "life.tap_sure",
    "self.stop_all",
    "self.sure_stop",
    "tasks.claim",
    "tasks.tap_claim",
    "quota.tap_rotate",
}


def handlers() -> dict[str, Role]:
    """Each handler as ROUTER.FUNCTION, with the lowest role that it asks for."""
    dispatcher = Dispatcher(disable_fsm=True)
    # Nothing is called: the routers are only read, so that no store is needed behind them.
    attach(dispatcher, access=cast(Access, None), app=cast(Any, SimpleNamespace(store=None, audit=None)))
    found: dict[str, Role] = {}
    for router in dispatcher.chain_tail:
        for observer in (router.message, router.edited_message, router.callback_query):
            for handler in observer.handlers:
                name = f"{router.name}.{handler.callback.__name__}"
                role = ROLES[handler.flags["needs"]]
                found[name] = min(role, found.get(name, role))
    return found


def test_only_what_looks_is_open_to_a_viewer() -> None:
    found = handlers()
    assert {name for name, role in found.items() if role is Role.NOBODY} == STRANGERS
    assert {name for name, role in found.items() if role is Role.VIEWER} == VIEWERS


@pytest.mark.parametrize("name", sorted(SUPERVISORS))
def test_what_sends_starts_or_stops_is_a_supervisors(name: str) -> None:
    assert handlers()[name] >= Role.SUPERVISOR
