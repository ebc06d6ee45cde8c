"""Answers of the Bot API and the parameters of a call, in whatever form they came."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.multipart import BodyPartReader

from bot.foreign import read_json


class ApiError(Exception):
    """The call is refused: HTTP status and error_code are the same, the text is the server's own."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters

    def body(self) -> dict[str, Any]:
        held: dict[str, Any] = {"ok": False, "error_code": self.code, "description": self.description}
        return {**held, "parameters": self.parameters} if self.parameters else held


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a call."""

    name: str
    content: bytes
    mime: str


@dataclass(slots=True)
class Params:
    """Parameters of one call. Nested objects may come as JSON text."""

    values: dict[str, Any] = field(default_factory=dict)
    files: dict[str, Upload] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name)
        return default if value is None else _utf8(str(value))

    def number(self, name: str, default: int = 0) -> int:
        value = self.values.get(name)
        if value in (None, ""):
            return default
        try:
            return int(value)
        except (TypeError, ValueError, OverflowError):  # the last one for 1e999
            raise ApiError(400, f'Bad Request: field "{name}" must be a valid Number') from None

    def flag(self, name: str) -> bool:
        return str(self.values.get(name, "")).lower() in {"true", "1", "yes"}

    def nested(self, name: str) -> Any:
        """A parameter that is an object or array: plain in a JSON body, as JSON text in a form. Raises ApiError."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return read_json(value)
        except ValueError:
            raise ApiError(400, f"Bad Request: can't parse {name.replace('_', ' ')} JSON object") from None

    def array(self, name: str) -> list[Any]:
        """A list; an empty one where the parameter is missing."""
        value = self.nested(name)
        if value is not None and not isinstance(value, list):
            raise ApiError(400, f"Bad Request: can't parse {name.replace('_', ' ')}: expected an Array")
        return value or []

    def object(self, name: str) -> dict[str, Any]:
        """An object; an empty one where the parameter is missing."""
        value = self.nested(name)
        if value is not None and not isinstance(value, dict):
            raise ApiError(400, f"Bad Request: can't parse {name.replace('_', ' ')}: expected an Object")
        return value or {}

    def upload(self, name: str) -> Upload | None:
        """The file of this field: uploaded directly, or attached under another name."""
        value = self.values.get(name)
        if isinstance(value, str) and value.startswith("attach://"):
            return self.files.get(value.removeprefix("attach://"))
        return self.files.get(name)

    def shown(self) -> dict[str, Any]:
        """For the log of calls: nested values unpacked, files as name and size."""
        plain = {name: _unpacked(value) for name, value in self.values.items()}
        return plain | {name: {"file": f.name, "size": len(f.content)} for name, f in self.files.items()}


async def read_params(request: web.Request) -> Params:
    """Query, urlencoded, multipart and JSON, all at once, as the server takes them."""
    params = Params(dict(request.query))
    kind = request.content_type
    if kind == "application/json":
        try:
            body = read_json(await request.read())
        except ValueError:
            raise ApiError(400, "Bad Request: can't parse JSON object") from None
        if isinstance(body, dict):
            params.values.update(body)
    elif kind == "multipart/form-data":
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader) and part.name:
                content = bytes(await part.read(decode=True))
                if part.filename:
                    mime = part.headers.get("Content-Type", "application/octet-stream")
                    params.files[part.name] = Upload(part.filename, content, mime)
                else:
                    params.values[part.name] = _utf8(content)
    elif request.can_read_body:
        params.values.update({name: str(value) for name, value in (await request.post()).items()})
    return params


def _utf8(given: str | bytes) -> str:
    """The text. Raises ApiError for what is no UTF-8, or half a character."""
    try:
        return given.decode() if isinstance(given, bytes) else given.encode().decode()
    except UnicodeError:
        raise ApiError(400, "Bad Request: strings must be encoded in UTF-8") from None


def _unpacked(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in "[{" and value:
        try:
            return read_json(value)
        except ValueError:
            return value
    return value
