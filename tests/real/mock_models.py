"""A model server for the real CLIs: OpenAI Responses and Anthropic Messages, on loopback, without any account.

Written from what codex-cli 0.169.0 and Claude Code 2.1.328 send and accept. Its log of requests is the judge of the
delivery tests: what a model received is what was delivered. Words in the last user message choose the answer:

    WAITn    n seconds of silence, then an answer          SLOWn   n words, one each half second
    SHELL    a shell call that needs a permission          LIMIT   the usage limit is reached
    RATE     plain 429                                      OVER    503, overloaded
    ASK      a question of Claude's model                   TOOL    NAME {…}: that tool, with this input
    SAY      "…": an answer in these words                  TOOLS   [[NAME, {…}], …]: these tools, at once

Control: GET /ctl?primary=91&secondary=96&pwin=300&swin=10080&tokens=1200&family=other&family_percent=33[&key=KEY]
changes what the headers say, for all keys or for one. GET /log gives the requests as JSON.
`python -m tests.real.mock_models [--port N] [--log FILE]` runs it alone.
"""

from __future__ import annotations

import argparse
import json
import re
import select
import socket
import ssl
import threading
import time
from dataclasses import asdict, dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from tests.real.mock_answers import answer_messages, answer_responses
from tests.real.mock_limits import Quota, wham_usage

_NOT_THE_PERSON = (
    "<environment_context",
    "# AGENTS.md",
    "<user_instructions",
    "<recommended",
    "<skills",
    "<system-reminder",
    "<turn_aborted",
    "[Request interrupted by user",
    "# Environment\nYou have been invoked",
    "The following deferred tools are now available",  # to a subagent of Claude Code
)
_TITLE = re.compile(r"Generate a concise, single-line task title|<session>|Generate a (short|concise)[^.\n]* title")


@dataclass(frozen=True, slots=True)
class Request:
    """One request for a model's answer.

    `user` is the newest user text in full, `new` every user text since the model last spoke, `fresh` those of them that
    no earlier unanswered request (interrupted, refused) has brought already. `hidden` is a request
    that no person made (titles, summaries); `tool_result` means that the newest input is the output of a tool. `all` is
    every user text in the request, of earlier turns too.
    """

    at: float
    number: int
    api: str
    key: str
    user: str
    new: tuple[str, ...]
    hidden: bool
    tool_result: bool
    model: str
    tools: tuple[str, ...]
    results: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()
    all: tuple[str, ...] = ()


@dataclass
class _State:
    quota: dict[str, Quota] = field(default_factory=lambda: {"": Quota()})
    requests: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    answered: set[int] = field(default_factory=set)
    log: Path | None = None

    def quota_of(self, key: str) -> Quota:
        with self.lock:
            return self.quota.get(key, self.quota[""])

    def _fresh(self, request: Request) -> tuple[str, ...]:
        known = max(
            (
                len(earlier.new)
                for earlier in self.requests
                if earlier.number not in self.answered and (earlier.api, earlier.key) == (request.api, request.key)
                and not earlier.hidden and len(earlier.new) < len(request.new)
                and request.new[: len(earlier.new)] == earlier.new
            ),
            default=0,
        )  # fmt: skip
        return request.new[known:]

    def record(self, **values: Any) -> Request:
        with self.lock:
            request = Request(at=time.time(), number=len(self.requests) + 1, **values)
            request = replace(request, fresh=self._fresh(request))
            self.requests.append(request)
            if self.log:
                with self.log.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(request), ensure_ascii=False) + "\n")
        return request


class MockModels:
    """The server; `with MockModels() as models:` and then `models.url`."""

    def __init__(self, port: int = 0, *, log: Path | None = None, tls: tuple[Path, Path] | None = None) -> None:
        """`port` 0 takes a free one. `tls` is (certificate, key): what a ChatGPT login asks for."""
        self._state = _State(log=log)
        handler = type("Handler", (_Handler,), {"state": self._state})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = int(self._server.server_address[1])
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> MockModels:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def set(self, key: str = "", **values: Any) -> None:
        """Change what the headers say (fields of Quota), for one key or for all that have none of their own."""
        with self._state.lock:
            base = self._state.quota.get(key, self._state.quota[""])
            self._state.quota[key] = replace(base, **values)

    @property
    def requests(self) -> list[Request]:
        """Every request so far, hidden ones too."""
        with self._state.lock:
            return list(self._state.requests)

    def prompts(self, key: str | None = None) -> list[str]:
        """The user texts that started a turn or joined one, in order: what agents were really told."""
        asked = [request for request in self.requests if not request.hidden and key in (None, request.key)]
        return [text for request in asked for text in request.fresh]

    def count(self, text: str) -> int:
        """How often a prompt with this text in it reached a model as something new."""
        return sum(text in prompt for prompt in self.prompts())


class _Handler(BaseHTTPRequestHandler):
    state: ClassVar[_State]
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """The requests are kept in the state; nothing goes to stderr."""

    @property
    def key(self) -> str:
        bearer = self.headers.get("authorization") or ""
        return self.headers.get("x-api-key") or bearer.removeprefix("Bearer ")

    def do_HEAD(self) -> None:
        self.answer(200, None, {})

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        quota = self.state.quota_of(self.key)
        if url.path == "/ctl":
            self.control(dict(parse_qsl(url.query)))
        elif url.path == "/log":
            self.answer(200, [asdict(request) for request in list(self.state.requests)], {})
        elif url.path.endswith(("/wham/usage", "/api/codex/usage")):
            if quota.login_spent:
                self.answer(401, {"error": {"message": "token expired", "code": "token_expired"}}, {})
            else:
                self.answer(200, wham_usage(quota), {})
        elif url.path.endswith("/wham/accounts/check"):
            account = {
                "id": "acct-mock",
                "account_id": "acct-mock",
                "plan_type": "plus",
                "structure": "personal",
                "name": "Mock",
            }
            free = {"workspace_backend_origin": "NO_CONSTRAINT", "account_routing_override": "NO_CONSTRAINT"}
            more = {"is_default": True, "is_deactivated": False, "profile_picture_url": None}
            listed = {"default_account_id": "acct-mock", "account_ordering": ["acct-mock"]}
            self.answer(200, {"accounts": [account | free | more], **listed}, {})
        else:
            self.answer(404, {"error": {"message": "not found"}}, {})

    def control(self, wanted: dict[str, str]) -> None:
        key = wanted.pop("key", "")
        with self.state.lock:
            base = self.state.quota.get(key, self.state.quota[""])
            kinds = {name: type(getattr(base, name)) for name in base.__dataclass_fields__}
            changes = {name: kinds[name](value) for name, value in wanted.items() if name in kinds}
            self.state.quota[key] = replace(base, **changes)
            now = asdict(self.state.quota[key])
        self.answer(200, now, {})

    def do_POST(self) -> None:
        body = self.body()
        path = urlsplit(self.path).path
        try:
            if path.endswith("/responses"):
                request = self.responses_request(body)
                done = answer_responses(self, request, self.state.quota_of(self.key))
                self.state.answered |= {request.number} if done else set()
            elif path.endswith("/messages"):
                request = self.messages_request(body)
                stream = bool(body.get("stream"))
                done = answer_messages(self, request, self.state.quota_of(self.key), stream=stream)
                self.state.answered |= {request.number} if done else set()
            else:
                self.answer(404, {"error": {"message": "not found"}}, {})
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the CLI was interrupted or killed in the middle of an answer

    def body(self) -> dict[str, Any]:
        if (self.headers.get("transfer-encoding") or "").lower() == "chunked":
            raw = b""
            while size := int(self.rfile.readline().split(b";")[0].strip() or b"0", 16):
                raw += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            body = json.loads(raw)
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}

    def responses_request(self, body: dict[str, Any]) -> Request:
        """OpenAI Responses: `input` is a list of messages, calls and outputs."""
        new: list[str] = []
        everything: list[str] = []
        results: list[str] = []
        tool_result = False
        for item in body.get("input") or []:
            kind = item.get("type", "message")
            if str(kind).endswith("_output"):
                tool_result = True
                results.append(json.dumps(item.get("output"), ensure_ascii=False))
            elif item.get("role") == "user":
                text = _text(item.get("content"))
                everything.append(text)
                if not text.lstrip().startswith(_NOT_THE_PERSON):
                    new.append(text)
                    tool_result = False
            elif item.get("role") == "assistant" or str(kind).endswith("_call"):
                new, results = [], []
        tools = tuple(str(tool.get("name") or tool.get("type")) for tool in body.get("tools") or [])
        return self.state.record(
            api="responses", key=self.key, user=new[-1] if new else "", new=tuple(new), tool_result=tool_result,
            hidden=bool(new and _TITLE.search(new[-1])) or not tools, model=str(body.get("model")), tools=tools,
            results=tuple(results), all=tuple(everything),
        )  # fmt: skip

    def messages_request(self, body: dict[str, Any]) -> Request:
        """Anthropic Messages: roles alternate, a user message holds texts and tool results."""
        new: list[str] = []
        everything: list[str] = []
        results: list[str] = []
        tool_result = False
        for message in body.get("messages") or []:
            if message.get("role") == "assistant":
                new, results, tool_result = [], [], False
                continue
            content = message.get("content")
            everything.append(_text(content))
            for block in [{"type": "text", "text": content}] if isinstance(content, str) else content or []:
                if block.get("type") == "tool_result":
                    tool_result = True
                    results.append(_text(block.get("content")))
                elif block.get("type") == "text" and not block["text"].lstrip().startswith(_NOT_THE_PERSON):
                    new.append(block["text"])
                    tool_result = False
        tools = tuple(str(tool.get("name")) for tool in body.get("tools") or [])
        return self.state.record(
            api="messages", key=self.key, user=new[-1] if new else "", new=tuple(new), tool_result=tool_result,
            hidden=not tools, model=str(body.get("model")), tools=tools, results=tuple(results), all=tuple(everything),
        )  # fmt: skip

    def answer(self, status: int, value: object, headers: dict[str, str]) -> None:
        """One JSON answer."""
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"content-type": "application/json", "content-length": str(len(body)), **headers}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def stream(self, headers: dict[str, str]) -> None:
        """Begin an event stream; the connection ends with it."""
        self.send_response(200)
        for name, text in {"content-type": "text/event-stream", "connection": "close", **headers}.items():
            self.send_header(name, text)
        self.end_headers()
        self.close_connection = True

    def silence(self, seconds: float) -> None:
        """Say nothing for a while. Raises ConnectionResetError if nobody listens any more."""
        readable, _, _ = select.select([self.connection], [], [], seconds)
        if readable and not self.connection.recv(1, socket.MSG_PEEK):
            raise ConnectionResetError

    def event(self, kind: str, **data: Any) -> None:
        """One server-sent event."""
        self.wfile.write(f"event: {kind}\ndata: {json.dumps({'type': kind, **data})}\n\n".encode())
        self.wfile.flush()


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return "".join(str(block.get("text", "")) for block in blocks if isinstance(block, dict))


def main() -> None:
    parser = argparse.ArgumentParser(description="A model server for the real CLIs, on loopback.")
    parser.add_argument("--port", type=int, default=18080)
    parser.add_argument("--log", type=Path, help="append each request to this file as JSON")
    options = parser.parse_args()
    with MockModels(options.port, log=options.log) as models:
        print(models.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
