"""The question whom a command is for: its pages, and what its buttons do that stands nowhere else."""

from __future__ import annotations

from aiogram import Router
from aiogram.types import CallbackQuery

from bot.telegram.callbacks import WhomTap
from handlers.say import Say, Tap


def router() -> Router:
    routes = Router(name="whom")
    routes.callback_query.register(turn, WhomTap.filter(), flags={"needs": "agents"})
    return routes


async def turn(_query: CallbackQuery, callback_data: WhomTap, say: Say, tap: Tap) -> None:
    await say.refresh(tap.message_id, page=callback_data.page)
