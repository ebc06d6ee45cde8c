"""What one captured screen says about an agent, and why: for `maf agent explain --capture`."""

from __future__ import annotations

from bot.agents.state.fusion import from_reading, fuse
from bot.agents.state.signals import from_title
from bot.clis.model import Dialog
from bot.clis.screens import read_text


def explain(kind: str, capture_text: str, title: str = "") -> dict[str, object]:
    """Read a capture as if it had been taken just now, with the same rules that watch a running agent.

    `kind` is codex, claude or demo; `capture_text` is the output of `tmux capture-pane -p`, better with -e; `title` the
    pane's title of that moment. Returns {"state","rule","signals":[{source,vote,age_s,trust,detail}],"composer":
    {kind,text},"dialog":{...}|None,"reset_at","says"}. A reset time is given as it stands there, it is not compared
    with the clock."""
    title = title.strip()
    reading = read_text(kind, capture_text, title)
    fused = fuse([*from_title(kind, title, reading.mark), *from_reading(reading)])
    return {
        "state": str(fused.state),
        "rule": reading.rule if fused.state is reading.state else fused.rule,
        "signals": [signal.as_dict() for signal in fused.signals],
        "composer": {"kind": reading.composer.kind, "text": reading.composer.text},
        "dialog": _dialog(reading.dialog),
        "reset_at": reading.reset_at,
        "says": reading.says,
    }


def _dialog(dialog: Dialog | None) -> dict[str, object] | None:
    if dialog is None:
        return None
    return {
        "kind": dialog.kind,
        "title": dialog.title,
        "detail": dialog.detail,
        "command": dialog.command,
        "options": [{"label": o.label, "key": o.key, "selected": o.selected} for o in dialog.options],
        "fingerprint": dialog.fingerprint,
    }
