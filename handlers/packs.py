"""The prompt pack: shown, listed, set."""

from __future__ import annotations

from aiogram import F, Router
from aiogram.filters import CommandObject
from aiogram.types import CallbackQuery, Message

from bot.operations import Services, pack
from bot.telegram.callbacks import PackTap
from bot.telegram.people import Access, Person
from handlers.commands import command, unknown_word
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
    verb, name = parse(command.args or "")
    if name is None:
        await say.card("packs", {}, live=True)
    elif verb == "show":
        await say.card("pack", {"pack": (await pack.show(app, id=name))["id"]})
    else:
        may(person, "pack.use", await access.people())
        used = await pack.use(app, id=name)
        await say.text(f"Pack {used['id']} is active now; drafts made before keep theirs.")


def parse(arguments: str) -> tuple[str, str | None]:
    """`[show | use | set | list] [PACK]`: what to do with which pack, None for all. Raises WrongUsage for more words.

    >>> parse("release"), parse("show release"), parse("list")
    (('use', 'release'), ('show', 'release'), ('list', None))
    """
    words = arguments.split()
    verb = words.pop(0) if words and words[0] in {"show", "use", "set", "list"} else "use"
    if len(words) > (verb != "list"):
        raise unknown_word(words[-1], "/broadcast_pack, /broadcast_pack show PACK, or /broadcast_pack PACK")
    return verb, words[0] if words else None


async def use(_query: CallbackQuery, callback_data: PackTap, app: Services, say: Say, tap: Tap) -> None:
    await pack.use(app, id=callback_data.id)
    await tap.answer(f"Pack {callback_data.id} is active now.")
    await say.refresh(tap.message_id)
