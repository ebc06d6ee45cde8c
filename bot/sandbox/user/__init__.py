"""The person's side: what a Telegram app does, as JSON over HTTP (contract.md section 6).

Errors are {"error": {"code", "message"}} with the HTTP status that fits. One file per noun: chats, messages, presses,
faults (with what else only a test or a newcomer looks at); `fields` reads what came.
"""

from __future__ import annotations

from aiohttp import web

from bot.sandbox.callbacks import Callbacks
from bot.sandbox.updates import Updates
from bot.sandbox.user.chats import Chats
from bot.sandbox.user.faults import Faults, PanesCallback
from bot.sandbox.user.messages import Messages
from bot.sandbox.user.presses import Presses
from bot.sandbox.world import World

__all__ = ["PanesCallback", "user_routes"]


def user_routes(
    world: World, updates: Updates, callbacks: Callbacks, panes: PanesCallback | None
) -> list[web.RouteDef]:
    """Every route of /sandbox/*."""
    return [
        *Chats(world, updates).routes(),
        *Messages(world, updates).routes(),
        *Presses(world, updates, callbacks).routes(),
        *Faults(world, panes).routes(),
    ]
