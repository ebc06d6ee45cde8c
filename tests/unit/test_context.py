"""How full a context is: the numbers that the CLIs themselves showed (codex 0.169.0, Claude Code 2.1.328)."""

from __future__ import annotations

import pytest

from bot.agents.state.context import Context, follow, told
from bot.clis.entry import Entry


def codex(total: int, window: int = 258400) -> Entry:
    info = {"last_token_usage": {"total_tokens": total}, "total_token_usage": {"total_tokens": 9_999_999}}
    return Entry("usage", data={"rate_limits": None, "info": {**info, "model_context_window": window}})


def claude(total: int, model: str = "claude-sonnet-5-5") -> Entry:
    usage = {"input_tokens": total - 300, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 200}
    return Entry("usage", data={"usage": {**usage, "output_tokens": 34}, "model": model, "message": "m"})


@pytest.mark.parametrize(
    ("last", "left"),
    [(1234, 100), (12034, 100), (50034, 85), (100034, 64), (130034, 52), (180034, 32), (200034, 24), (220034, 16),
     (230034, 12)],
)  # fmt: skip
def test_codex_counts_as_its_footer_does(last: int, left: int) -> None:
    assert follow(Context(), [codex(last)]).percent == 100 - left


@pytest.mark.parametrize(
    ("tokens", "used"),
    [(1400, 0), (100200, 10), (150200, 15), (155500, 16), (160100, 16), (300200, 30), (700200, 70), (960200, 96)],
)
def test_claude_counts_as_its_statusline_does(tokens: int, used: int) -> None:
    status = {"context_window": {"context_window_size": 1_000_000}}
    assert follow(told(Context(), status), [claude(tokens, "claude-haiku-4")]).percent == used


def test_without_a_statusline_the_model_tells_the_window() -> None:
    assert follow(Context(), [claude(100_000)]).percent == 10
    assert follow(Context(), [claude(100_000, "claude-haiku-4-5")]).percent == 50
    assert follow(Context(), [claude(300_000, "claude-haiku-4-5")]).percent == 30


def test_compaction_empties_it() -> None:
    full = [claude(960_234)]
    after = Entry("compacted", data={"preTokens": 960_234, "postTokens": 2974})
    assert follow(Context(), [*full, after]).percent == 0
    assert follow(Context(), [codex(230034), Entry("compacted"), codex(7466)]).percent == 0


def test_nothing_known_is_not_zero() -> None:
    assert Context().percent is None
    assert follow(Context(), [Entry("user", text="x")]).percent is None


@pytest.mark.parametrize(
    "data",
    [{}, {"info": None}, {"info": {"last_token_usage": None}}, {"usage": "x"}, {"info": {"model_context_window": "9"}},
     {"usage": {"input_tokens": None}}],
)  # fmt: skip
def test_foreign_shapes_change_nothing(data: dict[str, object]) -> None:
    before = follow(Context(), [codex(50034)])
    assert follow(before, [Entry("usage", data=data)]) == before


@pytest.mark.parametrize("status", [{}, {"context_window": None}, {"context_window": {"context_window_size": 0}}])
def test_a_statusline_without_a_size_changes_nothing(status: dict[str, object]) -> None:
    assert told(Context(5, 6, 0), status) == Context(5, 6, 0)


def test_a_window_smaller_than_its_base_is_no_division_by_zero() -> None:
    assert follow(Context(), [codex(500, 12_000)]).percent is None
