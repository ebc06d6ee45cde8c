"""What quota says on a phone: short lines, the buttons that were promised, names that no button could carry."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.profiles.book import Profile
from bot.profiles.config import QuotaLimits, Thresholds
from bot.quota.reading import Reading
from bot.quota.status import ProfileStatus, status_of
from bot.store import Store
from bot.telegram.callbacks import QuotaTap
from bot.telegram.card import Message, RenderContext
from handlers.cards.quota import account, alert_of, alerts_of, digest_of, mark, named, overview

NOW = 1_795_336_000.0


@pytest.fixture
def context(tmp_path: Path) -> RenderContext:
    store = Store(f"sqlite+aiosqlite:///{tmp_path / 'maf.db'}")  # never opened
    return RenderContext(now=datetime.fromtimestamp(NOW, UTC), zone=ZoneInfo("UTC"), store=store, chat_id=1)


def text(message: Message) -> str:
    return str(message.content.render()[0])


def labels(message: Message) -> list[str]:
    return [button.label for row in message.keyboard for button in row]


def status(name: str, percent: float, **more: Any) -> ProfileStatus:
    profile = Profile(name, "Plus account", "codex", 1, True, True, QuotaLimits(), {}, Path("/x"), Path("/s"), True, 75)
    reading = Reading("5h", "codex", 300, percent, NOW + 2 * 3600, NOW - 20, "app-server")
    return status_of(
        profile, readings={"5h": reading}, usage={}, sources=[], login=more.get("login", "ok"),
        thresholds=Thresholds(), forecasts={"5h": NOW + 3600}, now=NOW,
    )  # fmt: skip


def alert(level: str = "alert", percent: float = 78.0, kind: str = "alert", **more: Any) -> dict[str, Any]:
    return {
        "profile": "codex-plus-1",
        "window": "5h",
        "percent": percent,
        "resets_at": NOW + 7200,
        "empties_at": NOW + 3600,
        "kind": kind,
        "level": level,
        "at": NOW,
        **more,
    }


def test_an_alert_says_when_it_is_empty_when_it_resets_and_who_is_on_it(context: RenderContext) -> None:
    message = alert_of(alert(), ["w1", "w3", "r1"], None, context)
    assert text(message).splitlines() == [
        "🟠 codex-plus-1 · 5h window at 78 %",
        "at this pace empty 09:26, resets 10:26",
        "runs on it: w1 w3 r1",
    ]
    assert labels(message) == ["🔄 Rotate when idle", "🔕 Until reset", "📈"]


def test_a_muted_alert_says_until_when_and_can_be_turned_on_again(context: RenderContext) -> None:
    message = alert_of(alert(), [], NOW + 7200, context)
    assert "🔕 until 10:26" in text(message)
    assert labels(message) == ["🔔 Alert again", "📈"]


def test_exhausted_and_recovery_have_their_own_words(context: RenderContext) -> None:
    assert text(alert_of(alert("exhausted", 100.0), [], None, context)).startswith(
        "🚨 codex-plus-1 · 5h window is used up"
    )
    back = alert_of(alert("healthy", 2.0, "recovery"), ["w1"], None, context)
    assert text(back).splitlines()[0] == "🟢 codex-plus-1 · 5h window is back, 2 % used"
    assert "resets" not in text(back)


def test_what_was_held_at_night_is_one_message(context: RenderContext) -> None:
    message = digest_of([alert("warning", 55.0), alert("alert", 80.0)], context)
    assert text(message).splitlines() == [
        "🌅 Quota while you slept · 2",
        "08:26  🟡 codex-plus-1 · 5h window at 55 %",
        "08:26  🟠 codex-plus-1 · 5h window at 80 %",
    ]


def test_the_overview_says_what_is_wrong_with_the_configuration(context: RenderContext) -> None:
    note = "default-agent-config.json line 3: Expecting ','. The last good one stays in force."
    message = overview([status("codex-plus-1", 78)], context, [note], dark=False, picture=b"x")
    assert text(message).splitlines()[-1] == f"⚠️ {note}"


def test_the_overview_has_a_line_and_a_button_per_account(context: RenderContext) -> None:
    message = overview([status("codex-plus-1", 78), status("b", 3, login="needed")], context, dark=False, picture=b"x")
    assert text(message).splitlines()[1:] == [
        "🟠 codex-plus-1  5h 78 %",
        "      at this pace empty 09:26, resets 10:26",
        "❔ b  log in again",
    ]
    assert labels(message)[:2] == ["codex-plus-1", "b"]
    assert message.photo == b"x"


def test_one_account_shows_its_source_and_its_age(context: RenderContext) -> None:
    shown = text(account(status("codex-plus-1", 78), ["w1"], context))
    assert "🟠 5h window at 78 %" in shown
    assert "app-server, 0m old" in shown
    assert "runs on it: w1" in shown


def test_no_alert_says_so(context: RenderContext) -> None:
    assert text(alerts_of([], context)).startswith("🔔 No alert stands.")


@pytest.mark.parametrize("name", ["codex-plus-1", "with:colon", "x" * 200, "имя с пробелом", "~", "a/b|c", "5h"])
def test_any_name_of_a_profile_or_window_fits_on_a_button(name: str) -> None:
    packed = QuotaTap(profile=mark(name), verb="unmute", window=mark(f"{name}/24h")).pack()
    assert len(packed.encode()) <= 64
    back = QuotaTap.unpack(packed)
    assert named(back.profile, ["other", name]) == name
    assert named(back.window, [f"{name}/24h", "5h "]) == f"{name}/24h"
