"""What the model servers say about quota: headers of both APIs, and the body of ChatGPT's usage page."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Quota:
    """Used percent and length (minutes) of two windows, seconds until they reset, tokens of an answer.

    `family` names a second limit family ("other" -> limit_id "codex_other"); Codex then writes only that one down.
    `login_spent` refuses the ChatGPT login.
    """

    primary: float = 42.5
    secondary: float = 17.0
    pwin: int = 300
    swin: int = 10080
    preset: int = 9000
    sreset: int = 400_000
    tokens: int = 1200
    family: str = ""
    family_percent: float = 33.0
    family_win: int = 1440
    login_spent: bool = False


def codex_headers(quota: Quota) -> dict[str, str]:
    """The `x-codex-*` headers of codex-cli 0.169.0."""
    now = int(time.time())
    headers = {"x-codex-plan-type": "plus", "x-codex-credits-has-credits": "true", "x-codex-credits-unlimited": "false"}
    headers["x-codex-credits-balance"] = "12.5"
    for name, percent, window, reset in (
        ("primary", quota.primary, quota.pwin, quota.preset),
        ("secondary", quota.secondary, quota.swin, quota.sreset),
    ):
        headers[f"x-codex-{name}-used-percent"] = str(percent)
        headers[f"x-codex-{name}-window-minutes"] = str(window)
        headers[f"x-codex-{name}-reset-after-seconds"] = str(reset)
        headers[f"x-codex-{name}-reset-at"] = str(now + reset)
    if quota.family:
        start = f"x-codex-{quota.family}"
        headers[f"{start}-primary-used-percent"] = str(quota.family_percent)
        headers[f"{start}-primary-window-minutes"] = str(quota.family_win)
        headers[f"{start}-primary-reset-at"] = str(now + quota.preset)
        headers[f"{start}-limit-name"] = "Codex Extra"
    return headers


def claude_headers(quota: Quota, *, rejected: bool = False) -> dict[str, str]:
    """The `anthropic-ratelimit-unified-*` headers of Claude Code 2.1.328 (they count with an OAuth token only)."""
    now = int(time.time())
    start, status = "anthropic-ratelimit-unified", "rejected" if rejected else "allowed"
    return {
        f"{start}-status": status,
        f"{start}-reset": str(now + quota.preset),
        f"{start}-representative-claim": "five_hour",
        f"{start}-5h-status": status,
        f"{start}-5h-utilization": str(quota.primary / 100),
        f"{start}-5h-reset": str(now + quota.preset),
        f"{start}-7d-status": "allowed",
        f"{start}-7d-utilization": str(quota.secondary / 100),
        f"{start}-7d-reset": str(now + quota.sreset),
    }


def wham_usage(quota: Quota) -> dict[str, Any]:
    """`GET /backend-api/wham/usage`, as codex-cli 0.169.0 accepts it."""
    now = int(time.time())

    def window(percent: float, minutes: int, reset: int) -> dict[str, int]:
        return {
            "used_percent": int(percent),
            "limit_window_seconds": minutes * 60,
            "reset_after_seconds": reset,
            "reset_at": now + reset,
        }

    reached = quota.primary >= 100 or quota.secondary >= 100
    usage: dict[str, Any] = {
        "plan_type": "plus",
        "rate_limit": {
            "allowed": not reached,
            "limit_reached": reached,
            "primary_window": window(quota.primary, quota.pwin, quota.preset),
            "secondary_window": window(quota.secondary, quota.swin, quota.sreset),
        },
        "credits": {"has_credits": True, "unlimited": False, "balance": "12.5"},
    }
    if quota.family:
        limit = {"allowed": True, "limit_reached": False, "secondary_window": None}
        limit["primary_window"] = window(quota.family_percent, quota.family_win, quota.preset)
        name = f"codex_{quota.family}"
        usage["additional_rate_limits"] = [{"limit_name": "Extra", "metered_feature": name, "rate_limit": limit}]
    return usage
