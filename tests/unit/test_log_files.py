"""Logs: nothing secret in them, the last lines, and setting large ones aside under a process that writes."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

from bot.log import Redact, last_lines, rotate
from tests.patience import PATIENCE_S


def maf(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "bot.cli", "--home", str(home), *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def test_a_large_log_is_set_aside_and_the_writer_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "maf.log"
    with path.open("a") as writer:
        for number in (1, 2, 3):
            writer.write(f"round {number} " + "x" * 100 + "\n")
            writer.flush()
            assert rotate(tmp_path, max_bytes=50, keep=2) == [path]
        writer.write("after\n")
        writer.flush()
    assert path.read_text() == "after\n"
    assert (tmp_path / "maf.log.1").read_text().startswith("round 3 ")
    assert (tmp_path / "maf.log.2").read_text().startswith("round 2 ")
    assert not (tmp_path / "maf.log.3").exists()


def test_a_small_log_stays(tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "w1.log").write_text("short\n")
    assert rotate(tmp_path, max_bytes=50) == []
    assert (tmp_path / "agents" / "w1.log").read_text() == "short\n"


def test_the_last_lines_of_a_long_file_and_of_none(tmp_path: Path) -> None:
    path = tmp_path / "maf.log"
    path.write_text("".join(f"line {n}\n" for n in range(1000)))
    assert last_lines(path, 2) == ["line 998", "line 999"]
    assert last_lines(path, 3, most=12) == ["98", "line 999"]
    assert last_lines(tmp_path / "none.log", 3) == []


def test_tail_and_rotate_from_the_command_line(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "maf.log").write_text("one\ntwo\n")
    assert maf("logs", "tail", "--lines", "1", home=tmp_path).stdout == "two\n"
    assert json.loads(maf("logs", "tail", "--json", home=tmp_path).stdout) == {"log": "maf", "lines": ["one", "two"]}
    wrong = maf("logs", "tail", "mfa", home=tmp_path)
    assert (wrong.returncode, wrong.stderr) == (1, "error: No log named mfa. Did you mean maf?\n")
    (logs / "maf.log").write_bytes(b"x" * (1024 * 1024 + 1))
    assert json.loads(maf("logs", "rotate", "1", "5", "--json", home=tmp_path).stdout) == {"rotated": ["maf.log"]}
    assert (logs / "maf.log.1").stat().st_size == 1024 * 1024 + 1


def test_a_token_never_reaches_a_log() -> None:
    secret = "123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQ"
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "GET /bot%s/getMe with %s", (secret, "hush-hush"), None)
    assert Redact(["hush-hush"]).filter(record)
    assert secret not in record.msg
    assert "hush-hush" not in record.msg
