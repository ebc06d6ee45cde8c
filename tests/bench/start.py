"""How long a person, a hook and the status bar wait: the command line, and a bot until its first poll.

python -m tests.bench.start
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bot.cli.homemaking import make_home
from bot.home import Home
from bot.sandbox.server import Sandbox
from bot.store import migrate
from tests.bench.rounds import ratio

MAF = str(Path(sys.executable).with_name("maf"))
QUICK_ROUNDS, START_ROUNDS = 15, 7
FIRST_POLL_TIMEOUT_S = 60.0


def run(command: Sequence[str], env: dict[str, str]) -> float:
    """Seconds that a process takes."""
    began = time.perf_counter()
    subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=env, check=True)
    return time.perf_counter() - began


def quick(home: Home) -> bool:
    """The three commands that must feel instant, each against a Python that does nothing, in turns."""
    bare = [sys.executable, "-c", "pass"]
    agent = {**os.environ, "MAF_AGENT": "w1", "MAF_HOME": str(home.root)}
    plain = {key: value for key, value in os.environ.items() if not key.startswith("MAF_")}
    # 150 ms where the bare one takes 20.
    rows = [
        ("maf --help", [MAF, "--help"], plain, 7.5),
        ("maf hook, in an agent", [MAF, "hook"], agent, 5.0),
        ("maf quota line", [MAF, "quota", "line"], agent, 3.0),
    ]
    fine = True
    for name, command, env, target in rows:
        mine, theirs = [], []
        for _ in range(QUICK_ROUNDS):
            theirs.append(run(bare, plain))
            mine.append(run(command, env))
        fine &= verdict(f"{name} / python -c pass", mine, theirs, target)
    return fine


async def first_poll(home: Home, server: Sandbox, tmux: str) -> float:
    """Seconds from the start of `maf run` until it asks for its first updates."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("MAF_")}
    env |= {"MAF_BOT_TOKEN": server.token, "MAF_TELEGRAM_API": server.origin, "MAF_TMUX_SOCKET": tmux}
    before = polls(server)
    began = time.perf_counter()
    bot = await asyncio.create_subprocess_exec(
        MAF, "run", "--home", str(home.root), env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(FIRST_POLL_TIMEOUT_S):
            while polls(server) == before:
                if bot.returncode is not None:
                    raise SystemExit(f"maf run ended with {bot.returncode}")
                await asyncio.sleep(0.005)
        return time.perf_counter() - began
    finally:
        if bot.returncode is None:
            bot.send_signal(signal.SIGTERM)
        await bot.wait()


def polls(server: Sandbox) -> int:
    return sum(call["method"] == "getUpdates" for call in server.world.calls)


async def starts(home: Home, tmux: str) -> bool:
    server = Sandbox(0)
    await server.start()
    plain = dict(os.environ)
    imports = [sys.executable, "-c", "import aiogram, sqlalchemy"]
    mine, theirs = [], []
    try:
        await first_poll(home, server, tmux)  # the first start compiles modules
        for _ in range(START_ROUNDS):
            theirs.append(await asyncio.to_thread(run, imports, plain))
            mine.append(await first_poll(home, server, tmux))
    finally:
        await server.stop()
        subprocess.run(["tmux", "-S", tmux, "kill-server"], capture_output=True, check=False)
    return verdict("start to first poll / import aiogram, sqlalchemy", mine, theirs, 1.3)


def verdict(what: str, mine: list[float], theirs: list[float], target: float) -> bool:
    times = ratio(mine, theirs)
    fine = times <= target
    shown = f"{what:52} {times:5.2f}x ({median(mine) * 1000:.0f} / {median(theirs) * 1000:.0f} ms)"
    print(f"{shown}  target at most {target:g}x {'PASS' if fine else 'FAIL'}")
    return fine


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="maf-") as folder:
        home = Home(Path(folder) / ".maf")
        make_home(home, environment=os.environ)
        asyncio.run(migrate.upgrade(f"sqlite+aiosqlite:///{home.database}", home))
        fine = quick(home)
        return 0 if asyncio.run(starts(home, str(Path(folder) / "tmux"))) and fine else 1


if __name__ == "__main__":
    sys.exit(main())
