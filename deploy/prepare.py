"""Make .venv from the locked requirements, and see that tmux and git are there. What `make venv` and `make up` run.

Standard library only: it runs before anything is installed. `--tests` adds what the tests need. When nothing changed
since the last run it ends at once. uv (locked by hash in deploy/bootstrap.lock) does the installing, because it takes
seconds where pip takes most of a minute; it is given the person's own pip configuration, and when it cannot do it,
pip does.
"""

from __future__ import annotations

import argparse
import configparser
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "maf.stamp"
PIP = ["-m", "pip", "--disable-pip-version-check", "--quiet"]
TMUX_OLDEST, TMUX_TESTED = (3, 0), (3, 2)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--tests", action="store_true", help="also what the tests and checks need")
    options.add_argument("--tools", action="store_true", help="also see that tmux and git are there")
    given = options.parse_args()
    if sys.version_info < (3, 11):  # noqa: UP036 - whatever Python the person has runs this
        stop(f"Python {sys.version.split()[0]} is too old: maf needs 3.11 or newer.", "Choose another: make PYTHON=…")
    if given.tools:
        tools()
    locks = [ROOT / "requirements.lock"]
    if given.tests or ".tests" in stamp():
        locks.append(ROOT / "tests" / "requirements.lock")
    wanted = fingerprint(locks)
    if stamp() == wanted and (VENV / "bin" / "maf").exists():
        return 0
    began = time.monotonic()
    say(f"Building .venv with Python {sys.version.split()[0]} …")
    build(locks)
    compile_all()
    STAMP.write_text(wanted, encoding="utf8")
    say(f"Built .venv in {time.monotonic() - began:.0f} s.")
    return 0


def stamp() -> str:
    return STAMP.read_text(encoding="utf8") if STAMP.is_file() else ""


def fingerprint(locks: list[Path]) -> str:
    """What the environment was built from; ends in `.tests` when it holds what the tests need."""
    digest = hashlib.sha256()
    for file in (*locks, ROOT / "pyproject.toml"):
        digest.update(file.read_bytes())
    digest.update(f"{sys.version}{VENV}".encode())
    return digest.hexdigest() + (".tests" if len(locks) > 1 else "")


def build(locks: list[Path]) -> None:
    STAMP.unlink(missing_ok=True)
    create()
    python = str(VENV / "bin" / "python")
    files = [word for lock in locks for word in ("-r", str(lock))]
    own = ["--no-deps", "--no-build-isolation", "-e", str(ROOT)]
    if uv := installer(python):
        command = [uv, "pip", "install", "--quiet", "--python", python]
        environment = {**os.environ, **uv_environment()}
        locked = [*command, "--no-deps", "--require-hashes", *files]
        if subprocess.run(locked, env=environment, check=False).returncode == 0:
            subprocess.run([*command, "--offline", *own], env=environment, check=True)
            return
        say("uv could not do it; trying pip, which takes longer.")
    command = [python, *PIP, "install"]
    try:
        subprocess.run([*command, "--no-deps", "--no-compile", "--require-hashes", *files], check=True)
        subprocess.run([*command, *own], check=True)
    except subprocess.CalledProcessError:
        stop("The packages could not be installed (see above).", "Check the network, then run the same command again.")


def compile_all() -> None:
    """Bytecode for everything, on all cores. Without it the first start takes seconds more, and where
    PYTHONDONTWRITEBYTECODE is set every start does: aiogram alone is 3 s of compiling."""
    folders = [*VENV.glob("lib/python*/site-packages"), ROOT / "bot", ROOT / "handlers", ROOT / "migrations"]
    command = [VENV / "bin" / "python", "-m", "compileall", "-qq", "-j", "0", *folders]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)  # some packages ship files for other Pythons


def create() -> None:
    """An empty environment with pip in it. An old one is kept: uv and pip change only what differs."""
    if (VENV / "bin" / "python").exists():
        question = [VENV / "bin" / "python", "-c", "import sys, pip; print(sys.version)"]
        found = subprocess.run(question, capture_output=True, text=True, check=False)
        if found.stdout.strip() == sys.version:
            return
        shutil.rmtree(VENV)
    if importlib.util.find_spec("ensurepip") is None:
        # Debian and Ubuntu keep it in a package of its own.
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        if not install(package):
            stop("This Python cannot make virtual environments.", f"Run: sudo apt-get install {package}")
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
    if made.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        said = (made.stderr or made.stdout).strip().splitlines()
        stop(f"{VENV} cannot be made: {said[-1] if said else 'no reason given'}", "Check that you may write there.")


def installer(python: str) -> str:
    """The path of uv inside the environment, installed there if it is not; "" when it cannot be had."""
    uv = VENV / "bin" / "uv"
    if not uv.exists():
        lock = str(ROOT / "deploy" / "bootstrap.lock")
        subprocess.run(
            [python, *PIP, "install", "--no-deps", "--no-compile", "--require-hashes", "-r", lock], check=False
        )
    return str(uv) if uv.exists() else ""


def uv_environment() -> dict[str, str]:
    """The person's pip configuration (files, then environment) in uv's words; what is set for uv already stays."""
    config = configparser.ConfigParser(interpolation=None)
    homes = ["/etc/pip.conf", "~/.pip/pip.conf", "~/.config/pip/pip.conf", os.environ.get("PIP_CONFIG_FILE", "")]
    config.read([str(Path(name).expanduser()) for name in homes if name], encoding="utf8")
    pairs = {
        "index-url": "UV_DEFAULT_INDEX",
        "extra-index-url": "UV_INDEX",
        "find-links": "UV_FIND_LINKS",
        "cert": "SSL_CERT_FILE",
    }
    found = {"UV_LINK_MODE": "copy", "UV_NO_CONFIG": "1"}
    for name, theirs in pairs.items():
        value = os.environ.get("PIP_" + name.upper().replace("-", "_"))
        for section in ("install", "global"):
            value = value or (config.get(section, name, fallback="") if config.has_section(section) else "")
        if value:
            found[theirs] = ",".join(value.split()) if theirs == "UV_FIND_LINKS" else " ".join(value.split())
    return {key: value for key, value in found.items() if key not in os.environ}


def tools() -> None:
    """See that git and a usable tmux are there; install them where that needs no question, else say what to run."""
    for name in ("git", "tmux"):
        if shutil.which(name) is None and not install(name):
            stop(f"{name} is missing.", f"Run: {'brew' if sys.platform == 'darwin' else 'sudo apt-get'} install {name}")
    said = subprocess.run(["tmux", "-V"], capture_output=True, text=True, check=False, timeout=10).stdout.strip()
    number = re.search(r"(\d+)\.(\d+)", said)
    version = (int(number[1]), int(number[2])) if number else TMUX_TESTED  # "tmux master" is newer than all
    if version < TMUX_OLDEST:
        stop(f"{said} is too old: maf needs tmux 3.0 or newer.", "Install a newer tmux.")
    if version < TMUX_TESTED:
        say(f"warning: {said} may work, but maf is tested with 3.2 and newer.")


def install(package: str) -> bool:
    """Install a system package if that may be done without asking: apt-get as root, brew on macOS."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        say(f"Installing {package} …")
        command = ["apt-get", "install", "-y", "-qq", package]
        if subprocess.run(command, env=quiet, stdout=subprocess.DEVNULL, check=False).returncode == 0:
            return True
        subprocess.run(["apt-get", "update", "-qq"], env=quiet, stdout=subprocess.DEVNULL, check=False)
        return subprocess.run(command, env=quiet, stdout=subprocess.DEVNULL, check=False).returncode == 0
    if sys.platform == "darwin" and shutil.which("brew"):
        say(f"Installing {package} …")
        return subprocess.run(["brew", "install", "--quiet", package], check=False).returncode == 0
    return False


def say(what: str) -> None:
    """To stderr: stdout is for what comes after, `make up ARGS=--json` for one."""
    print(what, file=sys.stderr, flush=True)


def stop(what: str, hint: str) -> None:
    say(f"error: {what}\nhint: {hint}")
    sys.exit(4)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("\nInterrupted. The same command goes on where it was.")
        sys.exit(130)
