"""What stands for the emoji that models write most where this machine has no font with emoji: a sign that the shipped
font has, in the colour that tells what is meant (a tick is green). Any other one stays the box of a missing glyph.
"""

from __future__ import annotations

Rgb = tuple[int, int, int]

_GREEN, _RED, _YELLOW = (78, 186, 101), (224, 82, 82), (245, 204, 104)
_BLUE, _ORANGE, _VIOLET = (88, 141, 240), (232, 143, 52), (188, 108, 218)
_WHITE, _GREY = (235, 237, 240), (110, 117, 128)

STAND_INS: dict[str, tuple[str, Rgb]] = {
    "✅": ("✔", _GREEN), "❌": ("✘", _RED), "❎": ("✘", _GREEN), "⛔": ("✖", _RED), "🚫": ("✖", _RED),
    "⭐": ("★", _YELLOW), "🌟": ("★", _YELLOW), "✨": ("✦", _YELLOW), "🎉": ("✦", _VIOLET), "💥": ("✸", _ORANGE),
    "❗": ("!", _RED), "❕": ("!", _GREY), "❓": ("?", _RED), "❔": ("?", _GREY), "🚨": ("⚠", _RED),
    "🔴": ("●", _RED), "🟠": ("●", _ORANGE), "🟡": ("●", _YELLOW), "🟢": ("●", _GREEN), "🔵": ("●", _BLUE),
    "🟣": ("●", _VIOLET), "⚪": ("●", _WHITE), "⚫": ("●", _GREY), "🟥": ("■", _RED), "🟧": ("■", _ORANGE),
    "🟨": ("■", _YELLOW), "🟩": ("■", _GREEN), "🟦": ("■", _BLUE), "🟪": ("■", _VIOLET), "⬜": ("■", _WHITE),
    "➕": ("+", _GREEN), "➖": ("-", _RED), "📝": ("✎", _YELLOW), "🔧": ("⚙", _GREY), "💡": ("☀", _YELLOW),
    "⏳": ("…", _YELLOW), "⌛": ("…", _YELLOW), "📌": ("⚑", _RED), "🚩": ("⚑", _RED), "📧": ("✉", _BLUE),
    "🔥": ("▲", _ORANGE), "✋": ("!", _YELLOW),
}  # fmt: skip
