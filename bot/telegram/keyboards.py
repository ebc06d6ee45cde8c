"""Inline keyboards as plain data until they are sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from aiogram.filters.callback_data import CallbackData
from aiogram.types import CopyTextButton, InlineKeyboardButton, InlineKeyboardMarkup

from bot.excerpt import readable

Style = Literal["danger", "success", "primary"]

MAX_DATA_BYTES = 64  # Bot API 10.3, InlineKeyboardButton.callback_data
MAX_COPY_UNITS = 256  # Bot API 10.3, CopyTextButton.text


@dataclass(frozen=True, slots=True)
class Button:
    """One button: `data` is what a tap sends (a CallbackData or its packed text), `copy` a text that a tap copies."""

    label: str
    data: CallbackData | str | None = None
    style: Style | None = None
    copy: str | None = None

    def __post_init__(self) -> None:
        if (self.data is None) == (self.copy is None):
            raise ValueError(f"button {self.label!r} needs either data or copy")
        if self.packed is not None and not 1 <= len(self.packed.encode()) <= MAX_DATA_BYTES:
            raise ValueError(f"button {self.label!r}: callback data needs 1 to {MAX_DATA_BYTES} bytes")

    @property
    def packed(self) -> str | None:
        return self.data.pack() if isinstance(self.data, CallbackData) else self.data

    def as_dict(self) -> dict[str, str]:
        """JSON of the button; `Button(**as_dict)` gives it back."""
        held = {"label": self.label, "data": self.packed, "style": self.style, "copy": self.copy}
        return {name: value for name, value in held.items() if value is not None}


def markup(rows: Sequence[Sequence[Button]]) -> InlineKeyboardMarkup | None:
    """The keyboard as the Bot API takes it; None for no buttons."""
    lines = [[_button(button) for button in row] for row in rows if row]
    return InlineKeyboardMarkup(inline_keyboard=lines) if lines else None


def in_rows(buttons: Iterable[Button], *, width: int = 2) -> list[list[Button]]:
    """`buttons` in rows of `width`, for a keyboard whose length is not known."""
    flat = list(buttons)
    return [flat[start : start + width] for start in range(0, len(flat), width)]


def _button(button: Button) -> InlineKeyboardButton:
    label = readable(button.label)
    if button.copy is not None:
        return InlineKeyboardButton(
            text=label, style=button.style, copy_text=CopyTextButton(text=button.copy[:MAX_COPY_UNITS])
        )
    return InlineKeyboardButton(text=label, style=button.style, callback_data=button.packed)
