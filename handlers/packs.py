"""The prompt pack: shown, listed, set."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.filters import CommandObject
from aiogram.types import CallbackQuery, Message

from bot.operations import Services, pack
from bot.telegram.callbacks import PackTap
from bot.telegram.people import Access, Person
from handlers.broadcast import command
from handlers.rights import may
from handlers.say import Say, Tap


def router() -> Router:
    routes = Router(name="packs")
    routes.message.register(packs, command("broadcast-pack"), flags={"needs": "broadcast-pack"})
    routes.callback_query.register(use, PackTap.filter(F.verb == "use"), flags={"needs": "pack.use"})
    return routes


async def packs(
    _message: Message, command: CommandObject, app: Services, access: Access, person: Person, say: Say
) -> None:
    words = [w for w in (command.args or "").split() if w not in {"set", "use", "list", "show"}]
    if not words:
        await say.card("packs", {}, live=True)
    elif (command.args or "").split()[0] == "show":
        await say.card("pack", {"pack": (await pack.show(app, id=words[0]))["id"]})
    else:
        may(person, "pack.use", await access.people())
        used = await pack.use(app, id=words[0])
        await say.text(f"Pack {used['id']} is active now; drafts made before keep theirs.")


async def use(_query: CallbackQuery, callback_data: PackTap, app: Services, say: Say, tap: Tap) -> None:
    await pack.use(app, id=callback_data.id)
    await tap.answer(f"Pack {callback_data.id} is active now.")
    await say.refresh(tap.message_id)
