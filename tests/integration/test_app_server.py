"""The app-server client against programs that answer, babble, hang, and ask for a login; each a real process."""

from __future__ import annotations

import sys
import textwrap
import time
from pathlib import Path

import pytest

from bot.clis.codex.app_server import AppServerError, read_limits
from bot.errors import DependencyMissing

ANSWERS = """
    import json, sys
    answers = {
        "initialize": {"userAgent": "x"},
        "account/read": ACCOUNT,
        "account/rateLimits/read": {"rateLimitsByLimitId": {"codex": {"limitId": "codex", "primary":
            {"usedPercent": 91, "windowDurationMins": 300, "resetsAt": 1795336625}, "secondary": None}}},
    }
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message:
            continue
        print("this is not JSON")
        print(json.dumps({"method": "configWarning", "params": {}}))
        print(json.dumps({"id": message["id"], "result": answers[message["method"]]}), flush=True)
"""


def codex(folder: Path, body: str) -> str:
    """Put a program named codex on a PATH of its own."""
    program = folder / "codex"
    program.write_text(f"#!{sys.executable}\n" + textwrap.dedent(body))
    program.chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


async def test_limits_are_read_past_rubbish_and_notifications(tmp_path: Path) -> None:
    path = codex(tmp_path, ANSWERS.replace("ACCOUNT", '{"account": {"type": "chatgpt"}}'))
    answer = await read_limits(tmp_path, {}, path=path)
    assert answer.login == "ok"
    assert answer.families["codex"]["primary"]["usedPercent"] == 91


@pytest.mark.parametrize(("openai", "login"), [("True", "needed"), ("False", "unknown")])
async def test_an_account_without_login_is_not_asked_for_limits(tmp_path: Path, openai: str, login: str) -> None:
    path = codex(tmp_path, ANSWERS.replace("ACCOUNT", f'{{"account": None, "requiresOpenaiAuth": {openai}}}'))
    answer = await read_limits(tmp_path, {}, path=path)
    assert (answer.login, answer.families) == (login, {})


@pytest.mark.parametrize(
    "text",
    [
        "failed to fetch codex rate limits: GET https://x/backend-api/wham/usage failed: 401 Unauthorized; body={}",
        "Your access token could not be refreshed. Please log out and sign in again.",
    ],
)
async def test_a_login_that_ran_out_is_needed_again(tmp_path: Path, text: str) -> None:
    answers = ANSWERS.replace("ACCOUNT", '{"account": {"type": "chatgpt"}}')
    error = f'{{"id": message["id"], "error": {{"code": -32603, "message": {text!r}}}}}'
    refuses = f"""
        if message["method"] == "account/rateLimits/read":
            print(json.dumps({error}), flush=True)
            continue
"""
    at = '        print("this is not JSON")\n'
    answer = await read_limits(tmp_path, {}, path=codex(tmp_path, answers.replace(at, refuses + at)))
    assert (answer.login, answer.families) == ("needed", {})


async def test_a_hanging_server_is_given_up_and_ended(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    path = codex(
        tmp_path,
        f"""
        import os, pathlib, signal, time
        pathlib.Path({str(mark)!r}).write_text(str(os.getpid()))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
        """,
    )
    began = time.monotonic()
    with pytest.raises(AppServerError, match="did not answer within 1 s"):
        await read_limits(tmp_path, {}, path=path, timeout=1)
    assert time.monotonic() - began < 10
    assert not Path(f"/proc/{mark.read_text()}").exists()


async def test_a_server_that_ends_early_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(AppServerError, match="ended before it answered initialize"):
        await read_limits(tmp_path, {}, path=codex(tmp_path, "print('Segmentation fault')"))


async def test_no_secret_of_ours_reaches_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAF_BOT_TOKEN", "123456:hush-hush")
    seen = tmp_path / "env"
    body = f"import os, pathlib; pathlib.Path({str(seen)!r}).write_text(repr(dict(os.environ)))"
    with pytest.raises(AppServerError):
        await read_limits(tmp_path, {"A": "b"}, path=codex(tmp_path, body))
    assert "hush-hush" not in seen.read_text()
    assert f"'CODEX_HOME': '{tmp_path}'" in seen.read_text()


async def test_a_missing_codex_says_how_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(DependencyMissing, match="codex is not installed"):
        await read_limits(tmp_path, {}, path=str(tmp_path))
