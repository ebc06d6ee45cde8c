"""The end of the tmux server under a whole fleet, with `maf up` as a person runs it: one alert, and then all are back,
with their conversations. The mock model's log is the judge of what the real CLIs remember.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE_S
from tests.private_tmux import end_server, until
from tests.real.homes import make_claude_home, make_codex_home
from tests.real.installed import need, real_path
from tests.real.mock_models import MockModels

pytestmark = pytest.mark.every_version

DEMOS = 20
REAL = {"codex1": "codex", "codex2": "codex", "claude1": "claude", "claude2": "claude"}
_OWN = {"HOME", "PATH", "LANG", "TERM", "CODEX_HOME", "CLAUDE_CONFIG_DIR"}


class Maf:
    """A home in a folder of its own, its bot, and the person at its chat and its terminal."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.socket = root / "s"
        env = {name: value for name, value in os.environ.items() if not name.startswith(("MAF_", "TMUX"))}
        self.env = env | {
            "MAF_MAX_LOAD": "0",
            "MAF_TMUX_SOCKET": str(self.socket),
            "PATH": real_path(),
            "HOME": str(root),
        }
        self.program = [sys.executable, "-m", "bot.cli"]
        self.env["PYTHONPATH"] = str(Path(__file__).parents[2])
        self.bot: subprocess.Popen[str] | None = None
        self.line: dict[str, Any] = {}

    def up(self) -> None:
        """Start the bot and wait for its line."""
        with (self.root / "up.err").open("a") as errors:
            self.bot = subprocess.Popen(
                [*self.program, "up", "--json", "--no-browser", "--port", "0"],
                cwd=self.root, env=self.env, stdout=subprocess.PIPE, stderr=errors, text=True,
            )  # fmt: skip
        assert self.bot.stdout is not None
        self.line = json.loads(self.bot.stdout.readline() or "{}")
        assert "api" in self.line, (self.line, (self.root / "up.err").read_text())

    def down(self) -> None:
        assert self.bot is not None
        self.bot.send_signal(signal.SIGTERM)
        self.bot.communicate(timeout=PATIENCE_S)

    def kill(self) -> None:
        if self.bot is not None:
            self.bot.kill()
            self.bot.communicate(timeout=PATIENCE_S)

    def run(self, *words: str) -> Any:
        done = subprocess.run(
            [*self.program, *words, "--json"],
            cwd=self.root,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return json.loads(done.stdout)

    def messages(self) -> list[dict[str, Any]]:
        """What the bot has said in the owner's chat."""
        url = f"{self.line['api']}/sandbox/chats/{self.line['chat']}/messages?after=0&wait=0"
        request = urllib.request.Request(url, headers={"X-Sandbox-Key": self.line["key"]})
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            messages = json.loads(answer.read())["messages"]
        return [message for message in messages if message["from"].get("is_bot")]

    def states(self) -> dict[str, str]:
        return {agent["id"]: agent["state"] for agent in self.run("agent", "list")}

    def tmux(self, *words: str) -> str:
        return subprocess.run(
            ["tmux", "-S", str(self.socket), *words], capture_output=True, text=True, timeout=PATIENCE_S, check=False
        ).stdout

    def processes(self, agent: str) -> list[int]:
        """The CLI processes that were started for this agent of this home."""
        mark = {f"MAF_AGENT={agent}".encode(), f"MAF_HOME={self.root / '.maf'}".encode()}
        found = []
        for folder in Path("/proc").iterdir():
            try:
                comm = (folder / "comm").read_text().strip()
                if comm in ("codex", "claude", "maf-demo") and mark <= set(
                    (folder / "environ").read_bytes().split(b"\0")
                ):
                    found.append(int(folder.name))
            except (OSError, ValueError):
                continue
        return found


@pytest.fixture
def maf(models: MockModels) -> Iterator[Maf]:
    need("codex")
    need("claude")
    with tempfile.TemporaryDirectory(prefix="maf-r", dir="/tmp", ignore_cleanup_errors=True) as folder:
        made = Maf(Path(folder).resolve())
        work = made.root / "work"
        work.mkdir()
        profiles: dict[str, Any] = {}
        for name, kind in REAL.items():
            home = made.root / name / kind
            env = (make_codex_home if kind == "codex" else make_claude_home)(home, work, models.url)
            own = {key: value for key, value in env.items() if key not in _OWN}
            profiles[name] = {"kind": kind, "home": str(home), "environment": own}
        config = made.root / ".maf" / "config"
        config.mkdir(parents=True)
        # The login shell of this machine knows nothing of the programs that the tests installed.
        (made.root / ".maf" / "agent.env").write_text(f"PATH={real_path()}\nDEMO_SECONDS=0.3\n")
        (config / "default-agent-config.json").write_text(json.dumps({"profiles": profiles}))
        try:
            yield made
        finally:
            made.kill()
            end_server(made.socket)


def all_idle(maf: Maf, count: int) -> Callable[[], bool]:
    def idle() -> bool:
        states = maf.states()
        return len(states) == count and set(states.values()) == {"idle"}

    return idle


@pytest.mark.timeout(600)
def test_a_killed_tmux_server_under_twenty_demo_agents_and_four_real_ones(maf: Maf, models: MockModels) -> None:
    maf.up()
    for number in range(4, DEMOS + 1):  # the sandbox made three
        maf.run("agent", "create", "demo", "--id", f"d{number}")
    for name, kind in REAL.items():
        maf.run(
            "agent", "create", f"{kind}-worker", "--id", name, "--profile", name, "--workdir", str(maf.root / "work")
        )
    total = DEMOS + len(REAL)
    until(all_idle(maf, total), lambda: f"{total} idle agents: {maf.states()}", timeout=90)
    talked = [*REAL, "d1", "d20"]
    for name in talked:
        assert maf.run("agent", "send", name, "--text", f"remember {name}", "--wait", "30")["status"] in (
            "submitted",
            "started",
        )
    until(all_idle(maf, total), "idle again")
    time.sleep(4)  # not a wait for a result: the fleet has been idle for a while, as it is when a server dies at night
    before = len(maf.messages())

    os.kill(int(maf.tmux("display-message", "-p", "#{pid}")), signal.SIGKILL)
    until(lambda: set(maf.states().values()) == {"dead"}, "all dead")
    until(lambda: len(maf.messages()) > before, "an alert")
    time.sleep(8)  # nothing more may come
    told = maf.messages()[before:]
    assert len(told) == 1, [message["text"] for message in told]
    assert f"{total} agents" in told[0]["text"]

    maf.down()
    maf.up()
    until(all_idle(maf, total), lambda: f"all back: {maf.states()}", timeout=120)
    assert len(maf.messages()) == before + 1, "the alert itself says that they are back"
    assert "back" in maf.messages()[-1]["text"]
    assert all(len(maf.processes(name)) == 1 for name in REAL), {name: maf.processes(name) for name in REAL}
    for name in talked:
        assert f"remember {name}" in maf.run("agent", "capture", name, "--lines", "200")["text"], name
    for name in REAL:
        assert maf.run("agent", "send", name, "--text", f"again {name}", "--wait", "30")["status"] in (
            "submitted",
            "started",
        )
        until(lambda name=name: given(models, name), f"the conversation of {name} at its model")


def given(models: MockModels, name: str) -> bool:
    """Whether the model of an agent got its earlier prompt again, together with the new one."""
    asked = [request for request in models.requests if not request.hidden and f"again {name}" in request.user]
    return any(f"remember {name}" in text for request in asked for text in request.all)


@pytest.mark.parametrize("kind", ["codex", "claude"])
def test_a_killed_cli_is_started_again_with_its_conversation(maf: Maf, models: MockModels, kind: str) -> None:
    maf.up()
    name = f"{kind}1"
    maf.run("agent", "create", f"{kind}-worker", "--id", name, "--profile", name, "--workdir", str(maf.root / "work"))
    until(lambda: maf.states()[name] == "idle", "idle")
    maf.run("agent", "send", name, "--text", "remember the crash", "--wait", "30")
    until(lambda: maf.states()[name] == "idle", "idle")
    (first,) = maf.processes(name)
    os.kill(first, signal.SIGKILL)
    until(lambda: maf.processes(name) not in ([], [first]), "a new process")
    until(lambda: maf.states()[name] == "idle", "idle")
    agent = maf.run("agent", "show", name)
    assert (agent["restarts"], agent["errors"]) == (1, 1)
    # Codex shows its composer a moment before the conversation that it takes up.
    until(lambda: "remember the crash" in maf.run("agent", "capture", name, "--lines", "200")["text"], "its words")

    def crashed() -> list[str]:
        return [m["text"] for m in maf.messages() if "crashed" in m["text"]]

    # One message, from its announcement to its end.
    again = f"🔄 {name} crashed (killed, signal 9) and was started again, with its conversation."
    until(lambda: crashed() == [again], "what became of it")
