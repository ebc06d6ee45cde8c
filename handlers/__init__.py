"""Telegram: one router per noun. A handler parses, makes one call, and answers through a notice."""

from __future__ import annotations

from aiogram import Dispatcher

from bot.operations import Services
from bot.telegram.people import Access


def attach(dispatcher: Dispatcher, *, access: Access, app: Services) -> frozenset[str]:
    """Put middlewares and routers on a dispatcher; the names of the commands and actions that are served."""
    from handlers import (
        agents,
        broadcast,
        deliveries,
        draft,
        health,
        hooks,
        last,
        life,
        packs,
        people,
        permissions,
        prompts,
        quota,
        rest,
        screens,
        self_actions,
        tasks,
        whom,
    )
    from handlers.middlewares import Answers, Door, Rights

    served: set[str] = set()
    for observer in (dispatcher.message, dispatcher.edited_message, dispatcher.callback_query):
        observer.outer_middleware(Door(access, app.store, app.audit))
        observer.middleware(Answers())
        observer.middleware(Rights(access, app.audit))
    for module in (
        people,
        rest,
        broadcast,
        draft,
        deliveries,
        permissions,
        hooks,
        agents,
        screens,
        prompts,
        life,
        packs,
        tasks,
        quota,
        self_actions,
        health,
        whom,
    ):
        dispatcher.include_router(module.router())
    dispatcher.include_router(agents.link_router())
    dispatcher.include_router(last.router(served))
    for router in dispatcher.chain_tail:
        for observer in (router.message, router.callback_query):
            served.update(h.flags["needs"] for h in observer.handlers)
    return frozenset(served)
