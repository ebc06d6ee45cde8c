"""From the bytes of a terminal to keys, typed text and bracketed pastes."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Literal

Event = tuple[Literal["text", "paste", "key"], str]
_PASTE, _PASTE_END = b"\x1b[200~", b"\x1b[201~"
_CONTROL = {
    0x0D: "enter", 0x0A: "newline", 0x7F: "backspace", 0x08: "backspace", 0x03: "ctrl-c", 0x04: "ctrl-d",
    0x15: "ctrl-u", 0x05: "end", 0x09: "tab",
}  # fmt: skip
_ARROWS = {b"A": "up", b"B": "down"}


class Keys:
    """Feed it what was read; it keeps what is not complete yet."""

    def __init__(self) -> None:
        self._buffer = b""
        self._pasting: list[bytes] | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    @property
    def undecided(self) -> bool:
        """True after an ESC that may be the key or the beginning of a sequence: call `flush` after a short while."""
        return self._pasting is None and self._buffer.startswith(b"\x1b")

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events in what the terminal sent: ("key", name), ("text", typed) or ("paste", all of it). A sequence
        that is not complete waits for the next call.
        """
        self._buffer += data
        while self._buffer:
            if self._pasting is not None:
                if not (done := self._paste_part()):
                    return
                yield ("paste", done[0])
            elif self._buffer[0] == 0x1B:
                event = self._escape()
                if event is None:
                    return
                if event[1]:
                    yield event
            else:
                yield from self._plain()

    def flush(self) -> Iterator[Event]:
        """The ESC stood alone: it was the key."""
        if self.undecided:
            rest, self._buffer = self._buffer[1:], b""
            yield ("key", "escape")
            yield from self.feed(rest)

    def _paste_part(self) -> tuple[str] | None:
        pasted = self._pasting or []
        end = self._buffer.find(_PASTE_END)
        if end < 0:
            keep = len(_PASTE_END) - 1
            self._pasting = [*pasted, self._buffer[:-keep]]
            self._buffer = self._buffer[-keep:]
            return None
        pasted.append(self._buffer[:end])
        self._buffer = self._buffer[end + len(_PASTE_END) :]
        text = b"".join(pasted).decode("utf-8", "replace")
        self._pasting = None
        return (text.replace("\r\n", "\n").replace("\r", "\n"),)

    def _escape(self) -> Event | None:
        """The sequence at the front; ("key", "") for one that means nothing here; None if more bytes are needed."""
        if self._buffer.startswith(_PASTE):
            self._buffer = self._buffer[len(_PASTE) :]
            self._pasting = []
            return ("key", "")
        if len(self._buffer) == 1:
            return None
        if self._buffer[1:2] not in (b"[", b"O"):
            self._buffer = self._buffer[1:]
            return ("key", "escape")
        for index in range(2, len(self._buffer)):
            if 0x40 <= self._buffer[index] <= 0x7E:
                final = self._buffer[index : index + 1]
                self._buffer = self._buffer[index + 1 :]
                return ("key", _ARROWS.get(final, ""))
        return None

    def _plain(self) -> Iterator[Event]:
        first = self._buffer[0]
        if first < 0x20 or first == 0x7F:
            self._buffer = self._buffer[1:]
            if name := _CONTROL.get(first):
                yield ("key", name)
            return
        length = next((i for i, byte in enumerate(self._buffer) if byte < 0x20 or byte == 0x7F), len(self._buffer))
        text = self._decoder.decode(self._buffer[:length])
        self._buffer = self._buffer[length:]
        if text:
            yield ("text", text)
