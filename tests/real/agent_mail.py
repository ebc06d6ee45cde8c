"""A real Agent Mail server, and a door in front of it that can answer with an error after the letter is in."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from pydantic import SecretStr

from tests.patience import PATIENCE_S
from tests.real.installed import AGENT_MAIL, why_missing

TOKEN = "mail-token-0123456789"
START_S = 40.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where it is, and what it holds."""

    url: str

    def messages(self) -> list[dict[str, Any]]:
        """Every message there is, newest first."""
        answer = httpx.get(f"{self.url}/mail/api/unified-inbox", headers=_bearer(), timeout=PATIENCE_S, trust_env=False)
        answer.raise_for_status()
        return list(answer.json()["messages"])

    def about(self, subject: str) -> list[dict[str, Any]]:
        return [message for message in self.messages() if message["subject"] == subject]

    def tool(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """What an agent does with its own MCP client."""
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
        answer = httpx.post(f"{self.url}/mcp/", json=call, headers=_bearer(), timeout=PATIENCE_S, trust_env=False)
        result = answer.raise_for_status().json()["result"]
        assert not result["isError"], result
        return dict(result["structuredContent"])

    def reserved(self, root: str) -> dict[str, str]:
        """The patterns of files that are reserved in this project at the moment, and by whom."""
        slug = self.tool("ensure_project", human_key=root)["slug"]
        wanted = {"uri": f"resource://file_reservations/{slug}"}
        read = {"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": wanted}
        answer = httpx.post(f"{self.url}/mcp/", json=read, headers=_bearer(), timeout=PATIENCE_S, trust_env=False)
        (found,) = answer.raise_for_status().json()["result"]["contents"]
        # With ?active_only=true it lists the released ones too.
        held = [one for one in json.loads(found["text"]) if one["released_ts"] is None]
        return {str(one["path_pattern"]): str(one["agent"]) for one in held}


def settings_of(server: MailServer) -> dict[str, Any]:
    """What a bot needs that is to use this server."""
    return {"enable_agent_mail": True, "agent_mail_url": server.url, "agent_mail_token": SecretStr(TOKEN)}


def give_mail(home: Path, kind: str, server: MailServer) -> dict[str, str]:
    """Add it to the MCP servers of a CLI's home, with all its tools allowed; returns what the CLI needs in its
    environment."""
    if kind == "codex":
        config = home / "config.toml"
        config.write_text(
            f"""{config.read_text()}
[mcp_servers.agent-mail]
url = "{server.url}/mcp/"
bearer_token_env_var = "AGENT_MAIL_TOKEN"
default_tools_approval_mode = "approve"
"""
        )
    else:
        headers = {"Authorization": "Bearer ${AGENT_MAIL_TOKEN}"}
        mail = {"type": "http", "url": f"{server.url}/mcp/", "headers": headers}
        _add(home / ".claude.json", mcpServers={"agent-mail": mail})
        _add(home / "settings.json", permissions={"defaultMode": "default", "allow": ["mcp__agent-mail"]})
    return {"AGENT_MAIL_TOKEN": TOKEN}


def _add(file: Path, **more: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | more))


def _bearer() -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}", "Accept": "application/json"}


@contextmanager
def mail_server(folder: Path, port: int) -> Iterator[MailServer]:
    """Start it on this port, with its files in this folder, where a later one finds them again."""
    if not AGENT_MAIL.is_file():
        pytest.skip(f"Agent Mail is not there: {why_missing('agent-mail')}")
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "HTTP_BEARER_TOKEN": TOKEN,
        "HTTP_ALLOW_LOCALHOST_UNAUTHENTICATED": "false",
        "HTTP_RBAC_ENABLED": "false",
        "STORAGE_ROOT": str(folder / "archive"),
        "DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'mail.sqlite3'}",
        "LLM_ENABLED": "false",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LOG_RICH_ENABLED": "false",
        "TOOLS_LOG_ENABLED": "false",
        "NOTIFICATIONS_ENABLED": "false",
        "MCP_TOOLS_MODE": "extended",
    }
    argv = [str(AGENT_MAIL), "serve-http", "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(argv, cwd=folder, env=os.environ | settings, stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{port}", process, folder)
        yield MailServer(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _wait(url: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, (folder / "server.log").read_text()[-2000:]
        try:
            if httpx.get(f"{url}/health/readiness", timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise AssertionError((folder / "server.log").read_text()[-2000:])


@dataclass
class Door:
    """Hands every request on to the server; the answers to `broken` of the sends to come are thrown away for a 500."""

    url: str
    server: str
    broken: int = 0
    sends: int = 0
    together: int = 0
    most: int = 0
    hold: asyncio.Event | None = None  # answers of sends wait for it

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.together += 1
        self.most = max(self.most, self.together)
        try:
            headers = {
                name: request.headers[name] for name in ("Authorization", "Content-Type") if name in request.headers
            }
            async with httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False) as client:
                answer = await client.request(
                    request.method, self.server + request.path_qs, content=body, headers=headers
                )
        finally:
            self.together -= 1
        if b'"send_message"' in body:
            self.sends += 1
            if self.hold is not None:
                await self.hold.wait()
            if self.broken:
                self.broken -= 1
                return web.Response(status=500, text="Internal Server Error")
        return web.Response(status=answer.status_code, body=answer.content, content_type="application/json")


@asynccontextmanager
async def door(server: MailServer) -> AsyncIterator[Door]:
    app = web.Application()
    runner = web.AppRunner(app)
    port = free_port()
    made = Door(f"http://127.0.0.1:{port}", server.url)
    app.router.add_route("*", "/{path:.*}", made.handle)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield made
    finally:
        await runner.cleanup()
