"""Cards: one renderer per kind of notice."""

from __future__ import annotations

from collections.abc import Collection

from bot.operations import Services
from bot.telegram.card import Card


def all_cards(app: Services, served: Collection[str]) -> dict[str, Card]:
    """Every kind of notice and its card."""
    from handlers.cards import agents, hooks, life, pages, permission, quota, rest, self_actions, whom
    from handlers.cards.draft import draft_card, edited_card
    from handlers.cards.report import delivery_card

    return {
        "draft": draft_card,
        "edited": edited_card,
        "delivery": delivery_card,
        **agents.cards(app),
        **life.cards(app),
        **quota.cards(app),
        **self_actions.cards(app),
        **permission.cards(app),
        **hooks.cards(app),
        **pages.cards(app, served),
        **whom.cards(app),
        **rest.cards(),
    }
