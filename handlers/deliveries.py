"""Buttons under a prompt that was typed and not proven: the person decides."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.types import CallbackQuery

from bot.agents.delivery.model import FAILED, PROVEN
from bot.errors import Refused
from bot.operations import Services
from bot.telegram.callbacks import DeliveryTap
from bot.telegram.people import Person
from handlers.say import Say, Tap


def router() -> Router:
    routes = Router(name="deliveries")
    press = routes.callback_query.register
    press(screen, DeliveryTap.filter(F.verb == "screen"), flags={"needs": "delivery.screen"})
    press(enter, DeliveryTap.filter(F.verb == "enter"), flags={"needs": "delivery.enter"})
    press(resend, DeliveryTap.filter(F.verb == "resend"), flags={"needs": "delivery.resend"})
    press(call_off, DeliveryTap.filter(F.verb == "off"), flags={"needs": "delivery.call-off"})
    press(leave, DeliveryTap.filter(F.verb == "leave"), flags={"needs": "delivery.leave"})
    return routes


async def screen(_query: CallbackQuery, callback_data: DeliveryTap, app: Services, say: Say) -> None:
    delivery = await app.deliveries.get(callback_data.id)
    await say.card("capture", {"agent": delivery.agent})


async def enter(_query: CallbackQuery, callback_data: DeliveryTap, app: Services, person: Person, tap: Tap) -> None:
    done = await app.deliveries.press_enter(callback_data.id, person.name)
    await tap.answer("Enter pressed." if done.status in PROVEN else done.reason or f"The prompt is {done.status}.")


async def resend(_query: CallbackQuery, callback_data: DeliveryTap, app: Services, person: Person, tap: Tap) -> None:
    again = await app.deliveries.resend(callback_data.id, person.name)
    if again.status == "refused":
        raise Refused(f"Not sent again. {again.reason}")
    await app.apply.link(callback_data.id, again.id)
    words = {"unconfirmed": "Typed again, and not confirmed.", "queued": "It is sent when the agent is free."}
    await tap.answer(words.get(again.status, f"Sent again: {again.status}."))


async def call_off(_query: CallbackQuery, callback_data: DeliveryTap, app: Services, person: Person, tap: Tap) -> None:
    delivery = await app.deliveries.withdraw(callback_data.id, person.name)
    await tap.answer("Not sent." if delivery.status in FAILED else f"It is {delivery.status} meanwhile.")


async def leave(_query: CallbackQuery, callback_data: DeliveryTap, app: Services, person: Person, tap: Tap) -> None:
    await app.deliveries.leave(callback_data.id, person.name)
    await tap.answer("Left as it is.")
