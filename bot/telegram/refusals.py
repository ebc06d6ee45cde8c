"""What it is about when the Bot API refuses to send or edit: the one table of its error texts.

Sources: Bot API 10.3. The sentences are those of tdlib/telegram-bot-api (Client.cpp: check_chat, fail_query_with_error)
and of TDLib's own checks (can_send_message, can_send_message_content). The words with underscores are errors of
Telegram's servers, handed on in capitals (core.telegram.org/method/messages.sendMessage, .sendMedia, .editMessage); a
403 among those comes as a 400.
"""

from __future__ import annotations

from typing import Literal

from aiogram.exceptions import (
    AiogramError,
    TelegramBadRequest,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
)

# chat: nothing can be sent there now. topic: nothing into this topic. file: the message can be said without its file.
# same: it looks so already. standing: what is to be edited is not there to be edited. message: this message, for good.
About = Literal["chat", "topic", "file", "same", "standing", "message"]

# In lower case; the first that occurs in the error's text counts.
_TABLE: tuple[tuple[str, About], ...] = (
    ("message is not modified", "same"),
    ("message_not_modified", "same"),
    ("message to edit not found", "standing"),
    ("message can't be edited", "standing"),
    ("message_id_invalid", "standing"),
    ("message_edit_time_expired", "standing"),
    ("message_author_required", "standing"),
    ("no text in the message", "standing"),
    ("no caption in the message", "standing"),
    ("no media in the message", "standing"),
    ("message thread not found", "topic"),
    ("topic_closed", "topic"),
    ("topic_deleted", "topic"),
    ("topic_id_invalid", "topic"),
    # Groups may forbid pictures and files, and allow words.
    ("not enough rights to send photos", "file"),
    ("not enough rights to send documents", "file"),
    ("chat_send_media_forbidden", "file"),
    ("chat_send_photos_forbidden", "file"),
    ("chat_send_docs_forbidden", "file"),
    ("photo_invalid_dimensions", "file"),
    ("photo_save_file_invalid", "file"),
    ("photo_ext_invalid", "file"),
    ("image_process_failed", "file"),
    ("media_empty", "file"),
    ("media_invalid", "file"),
    ("document_invalid", "file"),
    ("file must be non-empty", "file"),
    ("not enough rights", "chat"),
    ("have no rights to send a message", "chat"),
    ("have no write access to the chat", "chat"),
    ("need administrator rights", "chat"),
    ("chat_admin_required", "chat"),
    ("chat_write_forbidden", "chat"),
    ("chat_restricted", "chat"),
    ("chat_send_plain_forbidden", "chat"),
    ("chat_guest_send_forbidden", "chat"),
    ("chat_forbidden", "chat"),
    ("user_banned_in_channel", "chat"),
    ("user_restricted", "chat"),
    ("channel_private", "chat"),
    ("channel_invalid", "chat"),
    ("chat_id_invalid", "chat"),
    ("peer_id_invalid", "chat"),
    ("chat not found", "chat"),
    ("chat_id is empty", "chat"),
    ("group chat was upgraded", "chat"),  # where the new id comes with it, aiogram raises TelegramMigrateToChat
    ("group chat was deactivated", "chat"),
    ("group chat was deleted", "chat"),
    ("user_is_blocked", "chat"),
    ("you_blocked_user", "chat"),
    ("user_is_bot", "chat"),
    ("input_user_deactivated", "chat"),
    ("user_deactivated", "chat"),
    ("user is deactivated", "chat"),
    ("privacy_premium_required", "chat"),
    ("payment_required", "chat"),  # ALLOW_PAYMENT_REQUIRED_5: the chat wants Stars for each message
    ("balance_too_low", "chat"),
)


def about(error: AiogramError) -> About | None:
    """What the refusal is about; None for an error that refuses nothing (a time-out, a flood wait, a wrong token)."""
    if isinstance(error, TelegramForbiddenError):  # blocked, kicked, not a member, not begun, deleted
        return "chat"
    if isinstance(error, TelegramEntityTooLarge):
        return "file"
    if not isinstance(error, TelegramBadRequest):
        return None
    said = error.message.lower()
    return next((what for words, what in _TABLE if words in said), "message")


def reason(error: AiogramError) -> str:
    """What Telegram said, without its "Bad Request" and aiogram's words around it."""
    said = str(getattr(error, "message", error))
    return said.removeprefix("Bad Request: ").removeprefix("Forbidden: ")
