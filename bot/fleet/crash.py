"""How often a crashed agent is started again, and after which pause. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.tmux.keeper import ENDED

PAUSES_S = (1.0, 5.0, 20.0, 60.0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`pause` seconds until it is started again, None: never. `crashes`: those that count, this one included."""

    pause: float | None
    crashes: tuple[datetime, ...]


def judge(crashes: Sequence[datetime], now: datetime, *, times: int, within: float) -> Verdict:
    """What to do about a crash at `now` after these earlier ones; at most `times` starts within `within` seconds."""
    recent = [at for at in crashes if now - at < timedelta(seconds=within)]
    pause = PAUSES_S[min(len(recent), len(PAUSES_S) - 1)] if len(recent) < times else None
    return Verdict(pause, (*recent, now))


def how_it_ended(title: str) -> str:
    """The keeper's word on how a CLI ended ("exit 1", "killed, signal 9"); "" where it left none.

    >>> how_it_ended("stopped: exit 0")
    'exit 0'
    """
    return title.removeprefix(ENDED) if title.startswith(ENDED) else ""


def let_go(how: str, *, shell: bool) -> bool:
    """Was it somebody at the terminal who let it leave? The code of a shell is that of the last command in it.

    >>> let_go("exit 130", shell=True), let_go("exit 130", shell=False), let_go("killed, signal 9", shell=True)
    (True, False, False)
    """
    return how == "exit 0" or (shell and how.startswith("exit "))
