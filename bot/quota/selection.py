"""Which profile serves next, pure.

Exclude what is exhausted -> highest priority (1 is the highest) -> round-robin among equals -> fallback profiles.

Enforcement (MAF_QUOTA_ENFORCEMENT, `enforce_rate_limit`) is about the reserve that we keep: with it a profile at
emergency level counts as exhausted before it is. What is used up excludes without it too: a provider that refuses takes
no work from anybody, and a limit of the person's own is taken away by its number, not by this switch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """A profile as selection sees it."""

    name: str
    kind: str
    priority: int
    active: bool = True
    tracked: bool = True
    reached: str = ""  # why it is exhausted (provider or local limit), in words; empty: it is not
    emergency: bool = False
    login_needed: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen profile, or none; `reason` in words; `rejected` = (profile, why) of every other that was looked at."""

    profile: str | None
    reason: str
    rejected: tuple[tuple[str, str], ...]


def excluded(candidate: Candidate, kind: str, *, enforce: bool) -> str:
    """Why a profile may not serve; empty if it may. `enforce`: see above."""
    if candidate.kind != kind:
        return f"is a {candidate.kind} profile"
    if not candidate.active:
        return "is switched off (active: false)"
    if candidate.login_needed:
        return "needs a new login"
    if candidate.tracked and candidate.reached:
        return candidate.reached
    if enforce and candidate.tracked and candidate.emergency:
        return "is nearly used up"
    return ""


def select(
    candidates: Sequence[Candidate],
    *,
    kind: str = "codex",
    last: str | None = None,
    forced: str | None = None,
    enabled: bool = True,
    default: str | None = None,
    enforce: bool = True,
    fallback_priority: int = 5,
    algorithm: str = "round-robin",
) -> Choice:
    """Choose. `forced` (CODEX_PROFILE) skips every check; `last` is the profile that served before, for the
    round-robin. Switched off (not `enabled`), `default` serves, or the highest priority where it names nothing."""
    mine = {c.name: c for c in candidates if c.kind == kind}
    if forced in mine:
        return Choice(forced, "forced by CODEX_PROFILE", ())
    if not enabled:
        named = default if default in mine else None
        highest = min((c for c in mine.values() if c.active), key=lambda c: (c.priority, c.name), default=None)
        return Choice(named or (highest.name if highest else None), "selection is switched off", ())
    why = {c.name: excluded(c, kind, enforce=enforce) for c in candidates}
    rejected = tuple((name, reason) for name, reason in sorted(why.items()) if reason)
    free = [c for c in candidates if not why[c.name]]
    regular = [c for c in free if c.priority < fallback_priority]
    pool = regular or free
    if not pool:
        return Choice(None, f"no {kind} profile can serve now" if mine else f"there is no {kind} profile", rejected)
    best = min(c.priority for c in pool)
    equals = sorted(c.name for c in pool if c.priority == best)
    chosen = _turn(equals, last) if algorithm == "round-robin" else equals[0]
    if not regular:
        reason = "fallback: all others are used up"
    else:
        reason = f"priority {best}" + (f", in turn among {len(equals)}" if len(equals) > 1 else "")
    return Choice(chosen, reason, rejected)


def _turn(names: Sequence[str], last: str | None) -> str:
    """The next name after `last`, in order, starting over at the end."""
    if last is None:
        return names[0]
    return next((n for n in names if n > last), names[0])
