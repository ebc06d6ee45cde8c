"""A screen that shows neither a composer nor a dialog that our rules know, as a dialog of keys. Pure."""

from __future__ import annotations

import hashlib

from bot.clis.model import Dialog, Option

# label on a button, tmux name of the key
KEYS = (("↑", "Up"), ("↓", "Down"), ("⏎ Enter", "Enter"), ("⎋ Esc", "Escape"))


def unknown_dialog(screen: str) -> Dialog | None:
    """The dialog that a plain screen may be: all its lines are the question, the keys that most dialogs take are the
    choices. None for an empty screen."""
    lines = [line.rstrip() for line in screen.split("\n")]
    text = "\n".join(lines).strip("\n")
    if not text:
        return None
    return Dialog(
        kind="unknown",
        title="",
        detail=text,
        options=tuple(Option(label, key, selected=False) for label, key in KEYS),
        fingerprint=hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=6).hexdigest(),
        body=tuple(line for line in lines if line),
    )
