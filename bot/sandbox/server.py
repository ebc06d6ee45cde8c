"""The sandbox: a Bot API server and a chat page on the loopback interface, for trying everything with no account.

Contract: contract.md section 6. Semantics of the bot's side: tdlib/telegram-bot-api (Bot API 10), as far as it goes.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from bot.errors import DependencyMissing
from bot.sandbox.answers import ApiError
from bot.sandbox.bot_api import BotApi
from bot.sandbox.callbacks import Callbacks
from bot.sandbox.methods_chat import Methods
from bot.sandbox.page import page_routes
from bot.sandbox.updates import Updates
from bot.sandbox.user import PanesCallback, user_routes
from bot.sandbox.world import OWNER_ID, World

HOST = "127.0.0.1"
MAX_REQUEST = 60 * 1024 * 1024
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Sandbox:
    """One server. `port` 0 takes any free port; token and key are made up unless given; `panes` feeds the live panes.

    With a `state_file` the chats survive a restart (with the same token).
    """

    def __init__(
        self,
        port: int = 0,
        *,
        token: str | None = None,
        key: str | None = None,
        state_file: Path | None = None,
        panes: PanesCallback | None = None,
    ) -> None:
        self.port = port
        self.token = token or new_token()
        self.key = key or secrets.token_urlsafe(24)
        self.state_file = state_file
        self.panes = panes
        self.owner = OWNER_ID
        self._runner: web.AppRunner | None = None
        self._updates: Updates | None = None
        self._world: World | None = None

    @property
    def origin(self) -> str:
        """Where both sides answer: http://127.0.0.1:PORT."""
        return f"http://{HOST}:{self.port}"

    @property
    def page(self) -> str:
        """The chat page with its key; the part after # is never sent to a server."""
        return f"{self.origin}/#key={self.key}"

    @property
    def world(self) -> World:
        if self._world is None:
            raise RuntimeError("the sandbox has not been started")
        return self._world

    async def start(self) -> None:
        """Listen. Raises DependencyMissing if the port is taken."""
        world = World(int(self.token.split(":", 1)[0]), self.state_file)
        updates, callbacks = Updates(world), Callbacks()
        app = web.Application(client_max_size=MAX_REQUEST, middlewares=[self._guard])
        app.add_routes(BotApi(world, Methods(world, updates, callbacks), self.token).routes())
        app.add_routes(user_routes(world, updates, callbacks, self._panes))
        app.add_routes(page_routes())
        self._world, self._updates = world, updates
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, HOST, self.port).start()
        except OSError as error:
            await self._runner.cleanup()
            self._runner = None
            raise DependencyMissing(
                f"Port {self.port} cannot be opened: {error.strerror}.", hint="Take another one, or --port 0 for any."
            ) from error
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening and write the state file."""
        if self._updates is not None:
            await self._updates.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._world is not None:
            self._world.close()

    async def _panes(self) -> list[dict[str, object]]:
        return await self.panes() if self.panes is not None else []

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Only this machine by its own name (no DNS rebinding), and the person's side only with the key."""
        if request.host.rsplit(":", 1)[0] not in {HOST, "localhost"}:
            return _error(403, "this address is not served here")
        if request.path.startswith("/sandbox/"):
            given = request.headers.get("X-Sandbox-Key", "")
            if not hmac.compare_digest(given.encode(), self.key.encode()):
                return _error(401, "the header X-Sandbox-Key is missing or wrong")
        try:
            return await handler(request)
        except ApiError as error:
            return _error(error.code, error.description)
        except web.HTTPException as error:
            if request.path.startswith(("/bot", "/file/")):
                body = {"ok": False, "error_code": error.status, "description": error.reason}
                return web.json_response(body, status=error.status)
            return _error(error.status, error.reason)


def new_token() -> str:
    """A token in the shape of a real one, so that what looks for tokens finds it too."""
    return f"{700_000_000 + secrets.randbelow(99_999_999)}:{secrets.token_urlsafe(30)[:35]}"


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"code": status, "message": message}}, status=status)
