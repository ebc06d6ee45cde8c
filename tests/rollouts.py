"""Rollouts as codex-cli 0.169.0 writes them, for tests of quota: one line per response, one for the limits with it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Windows = Mapping[str, tuple[float, float, float]]  # primary/secondary -> (percent, minutes, reset as epoch s)


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Rollout:
    """One rollout file in a CODEX_HOME, written line by line."""

    def __init__(self, home: Path, thread: str | None = None) -> None:
        self.thread = thread or str(uuid.uuid4())
        folder = home / "sessions" / "2026" / "11" / "22"
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"rollout-2026-11-22T05-59-46-{self.thread}.jsonl"
        self._number = 0

    def write(self, at: float, kind: str, payload: Mapping[str, Any]) -> None:
        line = {"timestamp": stamp(at), "ordinal": self._number, "type": kind, "payload": payload}
        self._number += 1
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def response(
        self, at: float, tokens: int, windows: Windows | None = None, *, family: str = "codex", reached: bool = False
    ) -> None:
        """A model response of that many tokens, and what the provider said of the windows with it."""
        usage = {"input_tokens": tokens - 10, "cached_input_tokens": 0, "output_tokens": 10, "total_tokens": tokens}
        self.write(at, "token_usage_record", {"thread_id": self.thread, "usage": usage})
        if windows is not None:
            self.limits(at, windows, family=family, reached=reached)

    def limits(self, at: float, windows: Windows, *, family: str = "codex", reached: bool = False) -> None:
        said: dict[str, Any] = {
            name: {"used_percent": percent, "window_minutes": minutes, "resets_at": resets}
            for name, (percent, minutes, resets) in windows.items()
        }
        said |= {"limit_id": family, "rate_limit_reached_type": "rate_limit_reached" if reached else None}
        self.write(at, "event_msg", {"type": "token_count", "info": None, "rate_limits": said})


def write_profiles(config: Path, profiles: Mapping[str, Mapping[str, Any]], **codex_profiles: Any) -> None:
    """`default-agent-config.json` with these entries."""
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(json.dumps({"codex_profiles": codex_profiles, "profiles": profiles}))


def write_monitoring(config: Path, **values: Any) -> None:
    """`monitoring-config.json`; `status_update_interval_seconds` and the like."""
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(json.dumps({"monitoring": {"codex_quota": values}}))
