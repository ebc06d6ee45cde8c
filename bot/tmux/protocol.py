"""The wire of tmux's control mode (tmux(1), CONTROL MODE; written against 3.3a): answers, and notifications between.

An answer is a block: `%begin TIME NUMBER FLAGS`, the command's output, and `%end` or `%error` with the same three
numbers. The output is not escaped: a captured screen may hold a line that looks like an end, so a block ends only at
its own numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

# Flag of a block that answers a line of ours; 0 stands on what tmux ran by itself (hooks, the first command).
ASKED = 1

_CONTROL = {i: f"\\{i:03o}" for i in (*range(1, 32), 127)}
_ESCAPES = str.maketrans({**_CONTROL, ord("\\"): "\\\\", ord('"'): '\\"', ord("$"): "\\$", ord("~"): "\\~"})


def quote(text: str) -> str:
    r"""One argument of a tmux command line, whatever it holds; undecodable bytes travel as surrogate escapes.

    Raises ValueError for NUL, which no C string can hold.

    >>> print(quote('a"b$c\n;'))
    "a\"b\$c\012;"
    """
    if "\0" in text:
        raise ValueError("tmux cannot hold a NUL character")
    return f'"{text.translate(_ESCAPES)}"'


@dataclass(frozen=True, slots=True)
class Block:
    """One answer: whether it ended well, whether a line of ours asked for it, and its output as it came."""

    ok: bool
    asked: bool
    body: bytes

    @property
    def lines(self) -> list[str]:
        return self.body.decode("utf8", "surrogateescape").split("\n") if self.body else []


class ProtocolError(Exception):
    """What came from tmux is not control mode."""


class Parser:
    """Bytes in, whole blocks out; a block may come in any number of pieces. Notifications are kept apart."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._numbers = b""  # of the open block: b" TIME NUMBER FLAGS\n"
        self._searched = 0
        self.notifications: list[str] = []

    def feed(self, data: bytes) -> list[Block]:
        """Take what was read; return the blocks that are complete now.

        Raises ProtocolError when a block ends that was never begun.
        """
        self._buffer += data
        blocks: list[Block] = []
        while True:
            if self._numbers:
                block = self._finish()
                if block is None:
                    return blocks
                blocks.append(block)
                continue
            end = self._buffer.find(b"\n")
            if end < 0:
                return blocks
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            self._between(line)

    def _between(self, line: bytes) -> None:
        if line.startswith(b"%begin "):
            self._numbers = line[len(b"%begin") :] + b"\n"
            self._searched = 0
        elif line.startswith((b"%end ", b"%error ")):
            raise ProtocolError(f"unexpected {line[:60]!r}")
        else:
            self.notifications.append(line.decode("utf8", "replace"))

    def _finish(self) -> Block | None:
        """Cut the open block off the buffer if its end is there."""
        at = self._searched
        while (found := self._buffer.find(self._numbers, at)) >= 0:
            for word, ok in ((b"%end", True), (b"%error", False)):
                start = found - len(word)
                at_line_start = start == 0 or (start > 0 and self._buffer[start - 1] == 0x0A)
                if at_line_start and self._buffer.startswith(word, start):
                    body = bytes(self._buffer[: max(start - 1, 0)])
                    asked = self._numbers.rstrip().endswith(b" %d" % ASKED)
                    del self._buffer[: found + len(self._numbers)]
                    self._numbers = b""
                    return Block(ok, asked, body)
            at = found + 1
        self._searched = max(0, len(self._buffer) - len(self._numbers))
        return None
