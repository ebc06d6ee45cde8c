"""The Telegram side of the bot: polling, dispatching, the outbox. Imported only by the process that runs the bot."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer
from aiogram.exceptions import (
    AiogramError,
    ClientDecodeError,
    TelegramConflictError,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.types import ChatMemberUpdated, Update
from aiogram.utils.token import TokenValidationError
from sqlalchemy.exc import SQLAlchemyError

from bot.app.intake import Intake
from bot.app.live import about
from bot.app.webhook import OurWebhook, Webhook
from bot.errors import WrongSetting
from bot.notices import Bell, post
from bot.operations import Services
from bot.store.complaint import Complaint
from bot.telegram.access import Role, menu
from bot.telegram.card import text_data
from bot.telegram.inbox import Inbox, Unhandled, readable
from bot.telegram.outbox import Outbox
from bot.telegram.pace import backoff
from bot.telegram.people import Access
from bot.telegram.topics import Topics
from bot.telegram.turns import Turns
from handlers import attach
from handlers.cards import all_cards

log = logging.getLogger(__name__)

POLL_S = 30
CONNECT_S = 5.0
# Pauses after a failed poll: one more second each time, up to this.
LONGEST_PAUSE_S = 15.0
OUTSIDE = {"kicked", "left"}
ALLOWED_UPDATES = ["message", "edited_message", "callback_query", "my_chat_member"]


class TokenRefused(WrongSetting):
    """Telegram does not accept MAF_BOT_TOKEN."""

    code = "bad_token"
    hint = "Copy it again from @BotFather (/mybots), or make a new one there."


class Chat:
    """One bot account: what comes in is recorded, then handled; what goes out goes through the outbox."""

    def __init__(self, services: Services, resumed: asyncio.Event) -> None:
        """`resumed`: updates are recorded at once, and handled from then on."""
        settings = services.settings
        if settings.bot_token is None:
            raise WrongSetting("MAF_BOT_TOKEN is not set.", hint=f"Write it into {services.home.env_file}.")
        self.services = services
        self.access = Access(services.store, services.clock)
        self.inbox = Inbox(services.store, services.clock)
        self.bot = _bot(settings.bot_token.get_secret_value(), settings.telegram_api)
        self.dispatcher = Dispatcher(disable_fsm=True)
        self.dispatcher.workflow_data.update(
            app=services, access=self.access, drafts=services.drafts, apply=services.apply
        )
        self._turns = Turns()
        self.intake = Intake(
            services,
            self.bot,
            self.dispatcher,
            access=self.access,
            inbox=self.inbox,
            turns=self._turns,
            resumed=resumed,
        )
        self.dispatcher.workflow_data["long_texts"] = self.intake
        self.served = attach(self.dispatcher, access=self.access, app=services)
        self.dispatcher.my_chat_member.register(self._membership)
        self.outbox = Outbox(
            services.store,
            self.bot,
            all_cards(services, self.served),
            supervisor_chat=lambda: self.access.supervisor_chat(settings.supervisor_chat),
            clock=services.clock,
            bell=Bell(services.store),
            zone=settings.zone,
            quiet_hours=settings.quiet_hours,
            topics=Topics(services.store, self.bot, services.clock, lambda kind, data: about(services, kind, data)),
        )
        self.webhook = Webhook(settings, self._taken) if settings.webhook_url else None
        self._ours = OurWebhook(services.store)
        self._offset: int | None = None
        self._polling: asyncio.Task[None] | None = None
        self._stopping = False
        self._told_conflict = False
        self._no_updates = Complaint(log, "no updates from Telegram")
        self._not_recorded = Complaint(log, "updates cannot be recorded and are asked for again")

    async def connect(self) -> None:
        """Make sure of the token. Raises TokenRefused; a network that is down is waited for by `run`."""
        try:
            async with asyncio.timeout(CONNECT_S):
                await self.bot.me()
        except (TelegramUnauthorizedError, TelegramNotFound) as error:
            await self.bot.session.close()
            raise TokenRefused from error
        except (AiogramError, TimeoutError) as error:
            self.services.out_of_reach = self._why(error)
            log.warning("Telegram cannot be reached yet: %s", self.services.out_of_reach)

    async def run(self) -> None:
        """Take updates (by polling, or by the webhook) and send, until stopped."""
        self._polling = asyncio.current_task()
        cut_off = await self.inbox.cut_off(self.bot.id)
        await self.intake.restore()
        outbox = asyncio.create_task(self.outbox.run(), name="outbox")
        greeting = asyncio.create_task(self._greet(cut_off), name="menu")
        try:
            await (self._poll() if self.webhook is None else self._listen(self.webhook))
        finally:
            greeting.cancel()
            await asyncio.gather(greeting, return_exceptions=True)
            await self.outbox.stop()
            await outbox

    async def stop(self, timeout: float) -> None:
        """Take nothing new; let handlers that are at work finish within `timeout` seconds."""
        self._stopping = True
        if self.webhook is not None:
            await self.webhook.stop()
        if self._turns.tasks:
            _, late = await asyncio.wait(set(self._turns.tasks), timeout=timeout)
            for task in late:
                task.cancel()  # its update stays unhandled, and its sender is told at the next start
            await asyncio.gather(*late, return_exceptions=True)

    async def close(self) -> None:
        await self.bot.session.close()

    async def _greet(self, cut_off: list[Unhandled]) -> None:
        """What is to be done once: the menu, and a word about what was cut off. Tried until it is done, for a bot is
        often started before its network."""
        commands = [c for c in menu() if c.command.replace("_", "-") in self.served or c.command in self.served]
        for tries in itertools.count(1):
            try:
                while cut_off:
                    await self._tell_cut_off(cut_off[0])
                    cut_off.pop(0)
                await self.bot.set_my_commands(commands)
            except (AiogramError, SQLAlchemyError) as error:
                log.log(
                    logging.WARNING if tries == 1 else logging.DEBUG,
                    "what was cut off was not all told, or the menu of commands not published; trying again: %s",
                    error,
                )
                await asyncio.sleep(backoff(tries))
            else:
                return

    async def _tell_cut_off(self, update: Unhandled) -> None:
        """Once: what is told and that it was told are one transaction."""
        role = await self.access.role_of(update.user_id) if update.user_id else Role.NOBODY
        text = f"I was restarted while I was at “{update.what}”. Look at what was done, then send it again if need be."
        async with self.services.store.begin() as tx:
            if role is not Role.NOBODY and update.chat_id is not None:
                await post(tx, "text", text_data(text), chat_id=update.chat_id)
            await self.inbox.mark(tx, self.bot.id, update.update_id)

    async def _listen(self, webhook: Webhook) -> None:
        await webhook.start()
        try:
            await self._ours.remember(webhook.url)
            try:
                await webhook.announce(self.bot, ALLOWED_UPDATES)
            except TelegramUnauthorizedError as error:
                raise TokenRefused from error
            await asyncio.Event().wait()
        finally:
            await webhook.stop()

    async def _poll(self) -> None:
        pause = 0.0
        while not self._stopping:
            try:
                updates = await self.bot.get_updates(
                    offset=self._offset,
                    timeout=0 if self.services.out_of_reach else POLL_S,  # when it is back, that is to be known
                    allowed_updates=ALLOWED_UPDATES,
                    request_timeout=POLL_S + 15,
                )
            except TelegramUnauthorizedError as error:
                raise TokenRefused from error
            except TelegramRetryAfter as error:
                await asyncio.sleep(error.retry_after)
                continue
            except TelegramConflictError as error:
                await self._conflict(error)
            except ClientDecodeError as error:
                updates = readable(error)
                if updates and await self._taken(updates):
                    continue
            except AiogramError as error:
                if pause > 0.0 or not isinstance(error, TelegramNetworkError):  # a poll may break off now and then
                    self._no_updates.warn(str(error))
                if pause > 0.0:
                    self.services.out_of_reach = self._why(error)
            else:
                pause, self._told_conflict, self.services.out_of_reach = 0.0, False, ""
                self._no_updates.over()
                if await self._taken(updates):
                    continue
            pause = min(pause + 1.0, LONGEST_PAUSE_S)
            await asyncio.sleep(pause)

    async def _taken(self, updates: list[Update]) -> bool:
        """Take them; False if the store fails. What is not recorded is not confirmed either, so it comes again."""
        try:
            await self._take(updates)
        except SQLAlchemyError as error:
            self._not_recorded.say(error)
            return False
        self._not_recorded.over()
        return True

    async def _take(self, updates: list[Update]) -> None:
        """Record each update, then begin to handle it. Only what is recorded is confirmed to Telegram."""
        for update in updates:
            if update.message is not None:
                await self.outbox.try_again(update.message.chat.id)
            await self.intake.take(update)
            self._offset = max(self._offset or 0, update.update_id + 1)

    def _why(self, error: Exception) -> str:
        """In a few words, for a person."""
        text = str(error).removeprefix("HTTP Client says - ").replace(self.bot.token, "TOKEN")
        return text or f"no answer for {CONNECT_S:g} s"

    async def _conflict(self, error: TelegramConflictError) -> None:
        if "webhook" in error.message and await self._took_webhook_away():
            return
        self._no_updates.warn(f"another program reads them: {error}")
        if self._told_conflict:
            return
        text = (
            "⚠️ Another program uses this bot's token, so taps and messages may not reach me.\n"
            "End it, or give each its own token."
        )
        with contextlib.suppress(SQLAlchemyError):  # said after the next poll
            async with self.services.store.begin() as tx:
                await post(tx, "text", text_data(text), urgent=True)
            self._told_conflict = True

    async def _took_webhook_away(self) -> bool:
        try:
            return await self._ours.take_away(self.bot)
        except AiogramError as error:
            log.warning("the webhook could not be looked at: %s", error)
            return False

    async def _membership(self, event: ChatMemberUpdated) -> None:
        """Somebody unblocked the bot, a group took it in again or lets it write: what waited goes out."""
        if event.new_chat_member.status not in OUTSIDE:
            await self.outbox.try_again(event.chat.id, surely=True)


def _bot(token: str, api: str) -> Bot:
    server = TelegramAPIServer.from_base(api) if api.rstrip("/") != "https://api.telegram.org" else PRODUCTION
    try:
        return Bot(token, session=AiohttpSession(api=server))
    except TokenValidationError as error:
        raise TokenRefused("MAF_BOT_TOKEN does not look like a token (123456:ABC…).") from error
