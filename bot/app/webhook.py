"""Updates by webhook, where MAF_WEBHOOK_URL is set: Telegram posts each to us instead of being asked for them.

A proxy with a certificate stands in front of us (Telegram wants https on port 443, 80, 88 or 8443) and passes the path
of that address on to MAF_WEBHOOK_LISTEN. An update is confirmed (200) only once it is recorded; else it is sent again.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramBadRequest, TelegramUnauthorizedError
from aiogram.types import Update
from pydantic import ValidationError

from bot.errors import WrongSetting
from bot.foreign import read_json
from bot.settings import Settings
from bot.store import Store, setting
from bot.store.complaint import Complaint

if TYPE_CHECKING:
    from aiohttp import web

log = logging.getLogger(__name__)

HEADER = "X-Telegram-Bot-Api-Secret-Token"
# Bot API: 1-256 characters of these.
SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
LARGEST = 4 * 1024 * 1024
# Seconds that a connection may be quiet, or take to send its headers, and that a body may take.
QUIET_S, BODY_S = 60.0, 30.0
LONGEST_PAUSE_S = 15.0
SHUTDOWN_S = 2.0
KEY = "webhook"

Take = Callable[[list[Update]], Awaitable[bool]]


class PortTaken(WrongSetting):
    """The address of MAF_WEBHOOK_LISTEN cannot be listened on."""

    code = "port_taken"
    hint = "End the program that uses it, or write another HOST:PORT into MAF_WEBHOOK_LISTEN."


class Webhook:
    """The web server behind MAF_WEBHOOK_URL. Raises WrongSetting for a secret that is missing or cannot be one."""

    def __init__(self, settings: Settings, take: Take) -> None:
        """`take` records and begins to handle; where it says False, Telegram is to send the update again."""
        secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else ""
        if not SECRET.fullmatch(secret):
            raise WrongSetting(
                "MAF_WEBHOOK_URL needs MAF_WEBHOOK_SECRET: without it anybody could post commands to the bot.",
                hint="Write 1 to 256 letters, digits, _ or - into it, for example from: openssl rand -hex 32",
            )
        self.url = settings.webhook_url or ""
        self.host, self.port = settings.webhook_listen
        self._secret = secret
        self._take = take
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises PortTaken."""
        from aiohttp import web  # a bot that polls does not pay for it

        app = web.Application(client_max_size=LARGEST)
        app.router.add_post(urlsplit(self.url).path or "/", self._post)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=SHUTDOWN_S, keepalive_timeout=QUIET_S, lingering_time=SHUTDOWN_S
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port)
        try:
            await site.start()
        except OSError as error:
            await self.stop()
            raise PortTaken(f"{self.host}:{self.port} cannot be listened on: {error.strerror}.") from error
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening. The webhook stays set, so that Telegram keeps what comes for the next start."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def announce(self, bot: Bot, allowed: Sequence[str]) -> None:
        """Tell Telegram where we are; waits for a network that is down. Raises WrongSetting if it does not want it."""
        pause, complaint = 0.0, Complaint(log, "the webhook could not be set yet")
        while True:
            try:
                await bot.set_webhook(self.url, secret_token=self._secret, allowed_updates=list(allowed))
                return
            except TelegramUnauthorizedError:
                raise
            except TelegramBadRequest as error:
                raise WrongSetting(f"MAF_WEBHOOK_URL: {error.message}") from error
            except AiogramError as error:
                complaint.warn(str(error))
            pause = min(pause + 1.0, LONGEST_PAUSE_S)
            await asyncio.sleep(pause)

    async def _post(self, request: web.Request) -> web.Response:
        from aiohttp import web

        given = request.headers.get(HEADER, "")
        if not hmac.compare_digest(given.encode("utf8", "replace"), self._secret.encode()):
            log.warning("a post to the webhook without the right secret, from %s", request.remote)
            return web.Response(status=401)
        try:
            async with asyncio.timeout(BODY_S):
                raw = read_json(await request.read())
        except TimeoutError:
            return web.Response(status=408)
        except ValueError:
            return web.Response(status=400)
        return web.Response(status=200 if await self._take(_update(raw)) else 503)


def _update(raw: Any) -> list[Update]:
    """The update; none if it cannot be read, for Telegram would send that one again and again."""
    try:
        return [Update.model_validate(raw)]
    except ValidationError:
        log.exception("an update cannot be read and is passed over")
        return []


class OurWebhook:
    """Remembers that a webhook is ours, so that only that one is taken away when the person goes back to polling."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def remember(self, url: str) -> None:
        async with self._store.begin() as tx:
            await setting.put(tx, KEY, url)

    async def take_away(self, bot: Bot) -> bool:
        """Delete the webhook that stands in the way of polling, if we have set it; whether it was ours."""
        async with self._store.begin() as tx:
            ours = await setting.get(tx, KEY, "")
        there = (await bot.get_webhook_info()).url
        if not ours or ours != there:
            return False
        await bot.delete_webhook(drop_pending_updates=False)
        return True
