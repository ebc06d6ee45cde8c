"""`maf` in a sandbox that lets nothing out: a real filter of system calls, and a PID namespace of its own."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.agents.caller import caller_of
from bot.home import Home
from bot.remote import lock
from bot.tmux.lineage import lineage
from tests.patience import PATIENCE_S

# Has connect(2) fail with EPERM from here on, as Codex's sandbox does, and becomes the command. seccomp(2), bpf(2):
# load the number of the call, return ERRNO|EPERM for connect, ALLOW for all others.
WITHOUT_CONNECT = """
import ctypes, os, struct, sys
number = {"x86_64": 42, "aarch64": 203}[os.uname().machine]
steps = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7FFF0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(len(steps), ctypes.addressof(code))), 0, 0) == 0, ctypes.get_errno()
os.execv(sys.argv[1], sys.argv[1:])
"""
MAF = str(Path(sys.executable).with_name("maf"))
no_filter = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"), reason="the filter is for Linux"
)


def without_connect(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_CONNECT, MAF, *words],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False, env={**os.environ, **env},
    )  # fmt: skip


@no_filter
@pytest.mark.parametrize(
    "words",
    [("agent", "list"), ("agent", "stop", "w1"), ("task", "claim", "--agent", "w1"), ("init",), ("db", "backup", "x")],
)
def test_a_socket_that_a_sandbox_keeps_shut_is_not_the_absence_of_a_bot(words: tuple[str, ...], tmp_path: Path) -> None:
    home = Home(tmp_path / ".maf")
    home.root.mkdir()
    with lock.hold(home.lock, "bot"):  # a command that took it for none would wait for this
        done = without_connect(*words, "--home", str(home.root))
    assert (done.returncode, done.stdout) == (1, "")
    error, hint = done.stderr.splitlines()
    assert "sandbox" in error
    assert "maf.rules" in hint


@no_filter
def test_a_hook_in_a_sandbox_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    done = without_connect("hook", MAF_AGENT="w1", MAF_HOME=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


WHO = """
import os, sys
from pathlib import Path
from bot.agents.caller import own_caller
print(repr(own_caller(Path("/nowhere")).agent))
"""


@pytest.mark.parametrize(("first", "agent"), [("bwrap", "''"), ("sh", "None")])
def test_a_namespace_of_a_sandbox_hides_a_person(first: str, agent: str, tmp_path: Path) -> None:
    """Nothing above the first process of a sandbox can be seen, so it may be an agent; a container is no sandbox."""
    program = tmp_path / first
    program.symlink_to("/bin/sh")
    script = f"{sys.executable} -c '{WHO}'; true"
    done = subprocess.run(
        ["unshare", *(() if os.getuid() == 0 else ("-Ur",)), "-pf", "--mount-proc", str(program), "-c", script],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    if "unshare" in done.stderr:
        pytest.skip(f"no PID namespaces here: {done.stderr.strip()}")
    assert done.stdout.strip() == agent, done.stderr


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="only root enters a namespace of others")
def test_who_comes_into_a_container_from_outside_is_a_person() -> None:
    """`docker exec` and the like: their process has no parent there."""
    with subprocess.Popen(["unshare", "-pf", "--mount-proc", "sleep", "300"]) as outer:
        try:
            children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
            deadline = time.monotonic() + PATIENCE_S
            while not children.read_text().split():
                assert time.monotonic() < deadline
                time.sleep(0.02)
            inner = children.read_text().split()[0]
            enter = ["nsenter", "-t", inner, "-p", "-m", sys.executable, "-c", WHO]
            done = subprocess.run(enter, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
            assert done.stdout.strip() == "None", done.stderr
        finally:
            os.kill(int(inner), signal.SIGKILL)


def test_a_process_that_has_ended_is_nobody_we_know(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    line = lineage(ended.pid)
    assert (line.processes, line.whole) == ((), False)
    assert caller_of(line, uid=os.getuid(), home=tmp_path).agent == ""


def test_a_line_goes_up_to_the_first_process() -> None:
    line = lineage(os.getpid())
    assert line.pids[:2] == (os.getpid(), os.getppid())
    assert line.whole
    assert all(
        below.starttime >= above.starttime for below, above in zip(line.processes, line.processes[1:], strict=False)
    )
