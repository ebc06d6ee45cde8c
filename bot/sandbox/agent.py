"""The demo agent: a small full-screen program that behaves like an agent CLI, to try the product with no account.

`python bot/sandbox/agent.py --home DIR [--resume ID] [--seconds S]`. It keeps the traps of the real ones on purpose: a
paste into an open dialog is lost and the Enter after it approves; a second prompt while it works waits in its queue.
DEMO_SECONDS in its environment is the length of a turn, DEMO_TOOL a command that it runs beside itself, DEMO_HOOK one
that is told of each call (CALLS) and may answer it.
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    # Started by its file in isolated mode (bot/clis/demo/cli.py says why): `bot` is not on the path yet.
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bot.sandbox.demo.agent import Agent
from bot.sandbox.demo.keys import Keys
from bot.sandbox.demo.terminal import BOLD, DIM, RESET, Terminal
from bot.sandbox.demo.transcript import Transcript


def run(agent: Agent, wake: int) -> int:
    """Read keys, let time pass, draw; until the agent leaves. Returns the exit code."""
    keys = Keys()
    while agent.exit_code is None:
        agent.draw()
        timeout = 0.03 if keys.undecided else agent.wait(time.monotonic())
        ready, _, _ = select.select([0, wake], [], [], timeout)
        if wake in ready:
            signals = os.read(wake, 64)
            if signal.SIGTERM in signals or signal.SIGHUP in signals:
                return 0
        if 0 in ready:
            data = os.read(0, 65536)
            if not data:
                return 0
            for event in keys.feed(data):
                agent.handle(event)
        elif not ready and keys.undecided:
            for event in keys.flush():
                agent.handle(event)
        agent.tick(time.monotonic())
    return agent.exit_code


def name_process() -> None:
    """Show up as `maf-demo` in the process list, so that it can be told from any other Python (Linux)."""
    try:
        Path("/proc/self/comm").write_text("maf-demo")
    except OSError:
        return


def start_tool(command: str) -> None:
    """Run a command line beside us, as a CLI runs its tools and hooks; it goes with the terminal."""
    nowhere = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
    os.posix_spawn("/bin/sh", ["sh", "-c", f"exec {command}"], os.environ, file_actions=nowhere)


def signal_pipe() -> int:
    """A file descriptor that gets the number of each signal that concerns us."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGWINCH, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return reader


def main() -> int:
    """Behave like an agent's CLI until it is told to leave. 2: no terminal, or its folder cannot be used."""
    parser = argparse.ArgumentParser(prog="demo agent", description="A program that behaves like an agent CLI.")
    parser.add_argument("--home", type=Path, required=True, help="folder for its conversations")
    parser.add_argument("--resume", default="", metavar="ID", help="go on with that conversation")
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("DEMO_SECONDS", "2")))
    options = parser.parse_args()
    name_process()
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("The demo agent needs a terminal.", file=sys.stderr)
        return 2
    try:
        transcript = Transcript(options.home, str(Path.cwd()), options.resume)
    except OSError as error:
        print(f"The demo agent cannot start: {error}", file=sys.stderr)
        return 2
    if command := os.environ.get("DEMO_TOOL"):
        start_tool(command)
    with Terminal() as terminal:
        agent = Agent(terminal, transcript, options.seconds)
        agent.history += [
            "",
            f"  {BOLD}demo agent{RESET} {DIM}· {transcript.id}{RESET}",
            f"  {DIM}{Path.cwd()}{RESET}",
            "",
        ]
        for kind, text in transcript.past() if options.resume else []:
            agent.show(kind, text)
        code = run(agent, signal_pipe())
    told = "The demo agent broke down, as it was asked to." if code else f"Resume with --resume {agent.transcript.id}"
    print(told, file=sys.stderr if code else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main())
