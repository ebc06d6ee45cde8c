"""The log: what it leaves out, and what it blanks."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import log

TOKEN = "123456789:" + "A" * 35


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Logging is one for the process: give it back as it was."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    chatty = {name: logging.getLogger(name).level for name in log.CHATTY}
    yield
    for handler in [h for h in root.handlers if h not in handlers]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    for name, before in chatty.items():
        logging.getLogger(name).setLevel(before)


def test_the_clock_does_not_fill_the_log(tmp_path: Path) -> None:
    log.set_up(tmp_path)
    logging.getLogger("apscheduler.executors.default").info("Running job")
    logging.getLogger("apscheduler.executors.default").error("a job failed")
    logging.getLogger("bot.app").info("3 prompts go on")
    said = (tmp_path / "maf.log").read_text("utf8")
    assert "Running job" not in said
    assert "a job failed" in said and "3 prompts go on" in said
    assert "a job failed" in (tmp_path / "error.log").read_text("utf8")


def test_who_asks_for_debug_gets_it_all(tmp_path: Path) -> None:
    log.set_up(tmp_path, level="debug")
    logging.getLogger("apscheduler.executors.default").info("Running job")
    assert "Running job" in (tmp_path / "maf.log").read_text("utf8")


def test_secrets_are_blanked_in_messages_and_tracebacks(tmp_path: Path) -> None:
    log.set_up(tmp_path, secrets=["hunter2-hunter2"])
    try:
        raise ValueError(f"https://api.telegram.org/bot{TOKEN}/getMe with hunter2-hunter2")
    except ValueError:
        logging.getLogger("bot").exception("could not call %s", f"/bot{TOKEN}/getMe")
    for name in ("maf.log", "error.log"):
        said = (tmp_path / name).read_text("utf8")
        assert "could not call" in said and "ValueError" in said
        assert TOKEN not in said and "hunter2" not in said
