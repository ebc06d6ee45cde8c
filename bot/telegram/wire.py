"""One rendered message onto the wire: sent or edited part by part, and what an error of the Bot API means for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from aiogram import Bot
from aiogram.exceptions import (
    AiogramError,
    ClientDecodeError,
    TelegramBadRequest,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.types import (
    BufferedInputFile,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    LinkPreviewOptions,
    ReplyParameters,
)
from aiogram.types import Message as SentMessage
from aiogram.utils.formatting import Italic, Text
from aiohttp import ClientConnectorError

from bot.telegram.card import Message
from bot.telegram.keyboards import markup
from bot.telegram.refusals import about, reason
from bot.telegram.text import MAX_CAPTION, Piece, render, split, units

TIMEOUT_S = 30
UPLOAD_TIMEOUT_S = 120
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


@dataclass(frozen=True, slots=True)
class Part:
    """One message of several: the first may carry a file, the last carries the keyboard."""

    piece: Piece
    keyboard: InlineKeyboardMarkup | None = None
    media: Message | None = None


@dataclass(frozen=True, slots=True)
class Manner:
    """How a new message is sent: in answer to which, with a sound or without, into which forum topic."""

    reply_to: int | None
    silent: bool
    topic: int | None


def parts_of(message: Message) -> list[Part]:
    """The message cut to what the Bot API takes; empty if there is nothing to show."""
    keyboard = markup(message.keyboard)
    whole = render(message.content)
    has_file = _has_file(message)
    if has_file and units(whole.text) <= MAX_CAPTION:
        return [Part(whole, keyboard, message)]
    parts = [Part(Piece(""), None, message)] if has_file else []
    pieces = split(whole)
    parts += [Part(piece, keyboard if piece is pieces[-1] else None) for piece in pieces]
    return parts


def _has_file(message: Message) -> bool:
    return message.photo is not None or message.document is not None


def _without_file(message: Message, error: AiogramError) -> Message:
    """The message where its file is refused: the words, and why there is no more."""
    what = "picture" if message.photo is not None else "file"
    missing = Italic(f"The {what} could not be sent: {reason(error)}.")
    return Message(
        Text(message.content, "\n\n", missing) if render(message.content).text else missing, message.keyboard
    )


async def deliver(
    bot: Bot,
    chat_id: int,
    message: Message,
    standing: Sequence[int],
    *,
    manner: Manner,
    record: Callable[[list[int], bool], Awaitable[None]],
) -> tuple[list[int], bool]:
    """Bring the chat to show `message`: edit the messages that stand there, send what is missing, delete the rest. Of
    one whose file is refused the words are sent.

    `record` is told of each new message at once, and whether more are to come. Returns all message ids, and whether
    they show the whole message. Raises what aiogram raises.
    """
    try:
        return await _show(bot, chat_id, parts_of(message), standing, manner, record), True
    except (TelegramBadRequest, TelegramEntityTooLarge) as error:
        if not _has_file(message) or about(error) != "file":
            raise
        said = parts_of(_without_file(message, error))
        return await _show(bot, chat_id, said, standing, manner, record), False


async def _show(  # noqa: PLR0917 - the six things it takes to show something
    bot: Bot,
    chat_id: int,
    parts: Sequence[Part],
    standing: Sequence[int],
    manner: Manner,
    record: Callable[[list[int], bool], Awaitable[None]],
) -> list[int]:
    ids = list(standing)
    for index, part in enumerate(parts):
        if index < len(ids) and await _edit(bot, chat_id, ids[index], part):
            continue
        del ids[index:]
        answers = manner if index == 0 else replace(manner, reply_to=None)
        ids.append(await _send(bot, chat_id, part, answers))
        await record(ids, index + 1 < len(parts))
    for message_id in ids[len(parts) :]:
        try:
            await bot.delete_message(chat_id, message_id, request_timeout=TIMEOUT_S)
        except TelegramBadRequest:
            continue  # it is gone already, or too old to delete
    return ids[: len(parts)]


async def _send(bot: Bot, chat_id: int, part: Part, manner: Manner) -> int:
    """The id of the new message, also where the rest of the answer is nothing that aiogram can read."""
    try:
        return (await _call_send(bot, chat_id, part, manner)).message_id
    except ClientDecodeError as error:
        result = _result(error)
        if isinstance(result, dict) and isinstance(result.get("message_id"), int):
            return int(result["message_id"])
        raise


def _result(error: ClientDecodeError) -> object:
    """`result` of an answer that says ok; None if it does not."""
    data = error.data
    return data.get("result") if isinstance(data, dict) and data.get("ok") is True else None


async def _call_send(bot: Bot, chat_id: int, part: Part, manner: Manner) -> SentMessage:
    reply_to, silent = manner.reply_to, manner.silent
    reply = ReplyParameters(message_id=reply_to, allow_sending_without_reply=True) if reply_to else None
    if part.media is not None and part.media.photo is not None:
        return await bot.send_photo(
            chat_id,
            BufferedInputFile(part.media.photo, "picture.png"),
            **part.piece.as_kwargs(caption=True),
            reply_markup=part.keyboard,
            reply_parameters=reply,
            message_thread_id=manner.topic,
            disable_notification=silent,
            request_timeout=UPLOAD_TIMEOUT_S,
        )
    if part.media is not None and part.media.document is not None:
        return await bot.send_document(
            chat_id,
            BufferedInputFile(part.media.document.content, part.media.document.name),
            **part.piece.as_kwargs(caption=True),
            reply_markup=part.keyboard,
            reply_parameters=reply,
            message_thread_id=manner.topic,
            disable_notification=silent,
            request_timeout=UPLOAD_TIMEOUT_S,
        )
    return await bot.send_message(
        chat_id,
        **part.piece.as_kwargs(),
        reply_markup=part.keyboard,
        reply_parameters=reply,
        message_thread_id=manner.topic,
        disable_notification=silent,
        link_preview_options=_NO_PREVIEW,
        request_timeout=TIMEOUT_S,
    )


async def _edit(bot: Bot, chat_id: int, message_id: int, part: Part) -> bool:
    """Edit one message; False if it is no longer there to be edited, so a new one has to say it."""
    try:
        if part.media is None:
            await bot.edit_message_text(
                chat_id=chat_id,
                message_id=message_id,
                **part.piece.as_kwargs(),
                reply_markup=part.keyboard,
                link_preview_options=_NO_PREVIEW,
                request_timeout=TIMEOUT_S,
            )
        else:
            await bot.edit_message_media(
                _input_media(part),
                chat_id=chat_id,
                message_id=message_id,
                reply_markup=part.keyboard,
                request_timeout=UPLOAD_TIMEOUT_S,
            )
    except ClientDecodeError as error:
        if _result(error) is None:
            raise
    except TelegramBadRequest as error:
        what = about(error)
        if what not in {"same", "standing"}:
            raise
        return what == "same"
    return True


def _input_media(part: Part) -> InputMediaPhoto | InputMediaDocument:
    media = part.media
    if media is not None and media.photo is not None:
        return InputMediaPhoto(
            media=BufferedInputFile(media.photo, "picture.png"), **part.piece.as_kwargs(caption=True)
        )
    if media is None or media.document is None:
        raise ValueError("a part with neither photo nor document has no media")
    return InputMediaDocument(
        media=BufferedInputFile(media.document.content, media.document.name), **part.piece.as_kwargs(caption=True)
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an error means. fail: no use trying again. hold: the whole chat waits `seconds`. closed: nothing can be sent
    to the chat until somebody changes that; topic: nor to the topic. retry, moved, done.

    `unsure`: the message may stand in the chat all the same. `unreachable`: no server was reached at all.
    """

    then: Literal["fail", "hold", "closed", "topic", "retry", "moved", "done"]
    seconds: float = 0.0
    unsure: bool = False
    unreachable: bool = False
    moved_to: int = 0


def verdict(error: Exception) -> Verdict:  # noqa: PLR0911 - one line per kind of error reads best
    """Table of the errors that aiogram 3.31 raises."""
    if isinstance(error, TelegramRetryAfter):
        return Verdict("hold", float(error.retry_after))
    if isinstance(error, TelegramMigrateToChat):
        return Verdict("moved", moved_to=error.migrate_to_chat_id)
    if isinstance(error, TelegramForbiddenError | TelegramBadRequest | TelegramEntityTooLarge):
        what = about(error)
        return Verdict("closed" if what == "chat" else "topic" if what == "topic" else "fail")
    if isinstance(error, TelegramUnauthorizedError | TelegramNotFound):
        return Verdict("hold", 30.0)  # the token is wrong: nothing is lost while somebody mends it
    if isinstance(error, TelegramNetworkError):
        unreachable = isinstance(error.__cause__, ClientConnectorError)
        return Verdict("retry", unsure=not unreachable, unreachable=unreachable)
    if isinstance(error, ClientDecodeError) and _result(error) is not None:
        return Verdict("done", unsure=True)  # it says that it was done; sending again would do no better
    if isinstance(error, ClientDecodeError):
        return Verdict("retry", unsure=True)  # not the Bot API's own words: the page of a proxy in between
    return Verdict("retry")
