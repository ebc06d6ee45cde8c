"""The demo agent's composer: typed text, pastes (long ones shown by a placeholder), the cursor at the end."""

from __future__ import annotations

LONG_PASTE = 10  # lines from which a paste is shown as a placeholder


class Composer:
    """What stands in the composer, as pieces: (text, placeholder or "")."""

    def __init__(self) -> None:
        self._pieces: list[tuple[str, str]] = []
        self._pastes = 0

    @property
    def text(self) -> str:
        """The whole text, as it is submitted."""
        return "".join(text for text, _ in self._pieces)

    @property
    def shown(self) -> str:
        """The text as it is drawn."""
        return "".join(placeholder or text for text, placeholder in self._pieces)

    def type(self, text: str) -> None:
        if self._pieces and not self._pieces[-1][1]:
            text = self._pieces.pop()[0] + text
        self._pieces.append((text, ""))

    def paste(self, text: str) -> None:
        """A long paste stands there as `[Pasted text #1 +11 lines]`, as in the real CLIs, and is submitted whole."""
        text = "".join(char for char in text if char in "\n\t" or char.isprintable() or ord(char) > 0x9F)
        lines = text.count("\n")
        if lines < LONG_PASTE - 1:
            if text:
                self.type(text)
            return
        self._pastes += 1
        self._pieces.append((text, f"[Pasted text #{self._pastes} +{lines} lines]"))

    def backspace(self) -> None:
        if not self._pieces:
            return
        text, placeholder = self._pieces.pop()
        if not placeholder and len(text) > 1:
            self._pieces.append((text[:-1], ""))

    def clear_line(self) -> None:
        """Take out the last line (a placeholder counts as part of its line); on an empty line its newline goes."""
        shown = self.shown
        if shown.endswith("\n"):
            self.backspace()
            return
        while self._pieces and not self.shown.endswith("\n"):
            text, placeholder = self._pieces.pop()
            head, newline, _ = text.rpartition("\n")
            if newline and not placeholder:
                self._pieces.append((head + newline, ""))

    def take(self) -> str:
        """The whole text; the composer is empty afterwards."""
        text = self.text
        self._pieces = []
        return text
