"""Updates on their way to the bot: the queue, getUpdates with its offset and conflict rules, the webhook.

Rules read in tdlib/telegram-bot-api (Client.cpp, Bot API 10.0).
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import Any

import aiohttp

from bot.sandbox.answers import ApiError, Params
from bot.sandbox.world import World

log = logging.getLogger(__name__)

NOT_BY_DEFAULT = {"chat_member", "message_reaction", "message_reaction_count"}
CONFLICT = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
CONFLICT_WEBHOOK = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)
MAX_TIMEOUT_S = 50


class Updates:
    """One queue, one consumer: a long poll or a webhook."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.allowed: list[str] | None = None
        self.webhook: dict[str, Any] = {"url": "", "has_custom_certificate": False}
        self._poll: asyncio.Future[ApiError] | None = None
        self._last_conflict = -10.0
        self._last_poll = (-1, -10.0)
        self._again: list[dict[str, Any]] = []
        self._pusher: asyncio.Task[None] | None = None

    def add(self, kind: str, content: dict[str, Any]) -> bool:
        """Queue an update; False if the bot did not ask for this kind."""
        if (self.allowed is not None and kind not in self.allowed) or (self.allowed is None and kind in NOT_BY_DEFAULT):
            return False
        self.world.updates.append({"update_id": self.world.next("update"), kind: content})
        self.world.notify()
        return True

    async def get(self, params: Params) -> list[dict[str, Any]]:
        """getUpdates."""
        if self.webhook["url"]:
            raise ApiError(409, CONFLICT_WEBHOOK)
        self.allow(params)
        offset, limit = params.number("offset"), params.number("limit", 100)
        limit = limit if 1 <= limit <= 100 else 100
        timeout = min(max(params.number("timeout"), 0), MAX_TIMEOUT_S)
        since, now = time.monotonic() - self._last_poll[1], time.monotonic()
        if self._last_poll[0] == offset and since < 3 and timeout < 3:
            timeout, limit = 3, 1 if since < 0.5 else limit
        self._last_poll = (offset, now)
        mine = self._take_over()
        try:
            self._confirm(offset)
            batch = await self._batch(limit, now + timeout, mine)
            self._last_poll = (offset, time.monotonic())
            return batch
        finally:
            if self._poll is mine:
                self._poll = None

    def allow(self, params: Params) -> None:
        """allowed_updates stays as it is until another list comes; an empty list means the default again."""
        given = params.nested("allowed_updates")
        if isinstance(given, list):
            self.allowed = [str(kind) for kind in given] or None

    async def set_webhook(self, params: Params) -> bool:
        """As Telegram does: it ends a poll that waits with 409, and takes http only for this machine."""
        url = params.text("url")
        if url and not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise ApiError(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        self.allow(params)
        await self.close()
        self.webhook = {"url": url, "has_custom_certificate": False}
        if params.flag("drop_pending_updates"):
            self.world.updates.clear()
        if url:
            if self._poll is not None and not self._poll.done():
                self._poll.set_result(ApiError(409, "Conflict: terminated by setWebhook request"))
            self._pusher = asyncio.create_task(self._push(url, params.text("secret_token")))
        return True

    def info(self) -> dict[str, Any]:
        held = self.webhook | {"pending_update_count": len(self.world.updates)}
        return held if self.allowed is None else held | {"allowed_updates": self.allowed}

    async def close(self) -> None:
        if self._pusher is not None:
            self._pusher.cancel()
            with suppress(asyncio.CancelledError):
                await self._pusher
            self._pusher = None

    def _take_over(self) -> asyncio.Future[ApiError]:
        """Become the one poll; the older one, if it still waits, is told so (later, if it happens again)."""
        loop = asyncio.get_running_loop()
        older, now = self._poll, time.monotonic()
        if older is not None and not older.done():
            delay = 3.0 if now - self._last_conflict < 3 else 0.0
            self._last_conflict = now
            loop.call_later(delay, _tell, older, ApiError(409, CONFLICT))
        self._poll = loop.create_future()
        return self._poll

    def _confirm(self, offset: int) -> None:
        updates = self.world.updates
        if offset > 0:
            self.world.updates = [u for u in updates if u["update_id"] >= offset]
        elif offset < 0:
            self.world.updates = updates[offset:]
        if len(self.world.updates) != len(updates):
            self.world.notify()

    async def _batch(self, limit: int, deadline: float, mine: asyncio.Future[ApiError]) -> list[dict[str, Any]]:
        while True:
            if mine.done():
                raise mine.result()
            if self._poll is mine and (self._again or self.world.updates):
                batch, self._again = (self._again + self.world.updates)[:limit], []
                if self.world.take_fault("duplicate", method="getUpdates"):
                    self._again = list(batch)
                return batch
            left = deadline - time.monotonic()
            if left <= 0 and self._poll is mine:
                return []
            waiting: set[asyncio.Future[Any]] = {self.world.change(), mine}
            await asyncio.wait(waiting, timeout=max(left, 0.05), return_when=asyncio.FIRST_COMPLETED)

    async def _push(self, url: str, secret: str) -> None:
        """Webhook: one update after another, a failed one again after a growing pause."""
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret else {}
        pause = 0.5
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
            while True:
                if not self.world.updates:
                    await self.world.wait_for_change(5)
                    continue
                update = self.world.updates[0]
                try:
                    async with session.post(url, json=update, headers=headers) as answer:
                        done, said = answer.status // 100 == 2, f"Wrong response from the webhook: {answer.status}"
                except (aiohttp.ClientError, TimeoutError) as error:
                    done, said = False, f"{type(error).__name__}: {error}"
                if done:
                    self.world.updates = [u for u in self.world.updates if u is not update]
                    pause = 0.5
                else:
                    self.webhook |= {"last_error_date": int(time.time()), "last_error_message": said}
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, 60)


def _tell(older: asyncio.Future[ApiError], error: ApiError) -> None:
    if not older.done():
        older.set_result(error)
