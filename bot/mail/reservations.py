"""What an agent reserved in Agent Mail, out of what its CLI wrote down of its calls. Pure.

Calls and answers of MCP Agent Mail 0.2.1: file_reservation_paths, renew_file_reservations, macro_start_session and
macro_file_reservation_cycle. Its server may have any name among the agent's MCP servers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.clis.entry import Entry
from bot.clis.tail import decode, mapping, moment

_TOOLS = frozenset(
    {"file_reservation_paths", "renew_file_reservations", "macro_start_session", "macro_file_reservation_cycle"}
)
MAX_PROJECT, MAX_NAME = 500, 100  # characters; with more it is neither a folder nor a name that the server gave
_MOST_OPEN = 50  # calls that wait for their answer; one that was interrupted never gets it


@dataclass(frozen=True, slots=True)
class Reservation:
    """What the server granted: the `number` it has there, in which project, to whom by the name there, until when."""

    project: str
    name: str
    number: int
    expires_at: datetime


class Reader:
    """Reads one conversation as it grows: a call and its answer may come apart."""

    def __init__(self) -> None:
        self._asked: dict[str, Mapping[str, Any]] = {}

    def read(self, entries: Iterable[Entry]) -> list[Reservation]:
        """What was granted or renewed in these entries, which follow those before. What the server refused is none."""
        found: list[Reservation] = []
        for entry in entries:
            if entry.kind != "tool":
                continue
            if _reserves(entry.data.get("name")):
                self._asked[entry.id] = mapping(entry.data.get("input"))
                if len(self._asked) > _MOST_OPEN:
                    self._asked.pop(next(iter(self._asked)))
            if entry.data.get("result") and (asked := self._asked.pop(entry.id, None)) is not None:
                found += granted(asked, decode(entry.text) or {})
        return found


def granted(asked: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[Reservation]:
    """The reservations in the answer to a call; a macro says which agent it made, and may have released them again."""
    project = asked.get("project_key") or asked.get("human_key")
    name = mapping(answer.get("agent")).get("name") or asked.get("agent_name")
    if answer.get("released") or not _word(project, MAX_PROJECT) or not _word(name, MAX_NAME):
        return
    held = answer.get("file_reservations", answer)
    listed = held.get("granted") if isinstance(held, Mapping) else held
    for one in listed if isinstance(listed, list) else ():
        number, until = mapping(one).get("id"), mapping(one).get("new_expires_ts") or mapping(one).get("expires_ts")
        if type(number) is int and 0 < number < 2**63 and (expires_at := moment(until)) is not None:
            yield Reservation(str(project), str(name), number, expires_at)


def _reserves(tool: object) -> bool:
    """As both CLIs name the tool of an MCP server: mcp__SERVER__TOOL."""
    return isinstance(tool, str) and tool.startswith("mcp__") and tool.rpartition("__")[2] in _TOOLS


def _word(value: object, most: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= most and value.isprintable()
