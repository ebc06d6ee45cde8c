"""Part of `maf doctor`: whether the secrets of agents are where only their agents get them. None is printed."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bot.cli.checks import VERSION_TIMEOUT_S, Check, guarded
from bot.excerpt import clipped
from bot.home import Home

LEAKS_SHOWN, PLACE_SHOWN = 3, 100
_MOVE_IT = "Move it to {}/PROFILE.env (chmod 600); has anybody else had the file, get a new one."


def secrets(home: Home) -> Check:
    """Fails where others, or git, get the secrets of agents; warns of what looks like one in a file that is shared."""

    def look() -> Check:
        from bot.profiles.leaks import leaks
        from bot.profiles.secrets import ProfileSecrets

        known = ProfileSecrets(home)
        if (problem := known.problem()) is not None:
            return Check("secrets", "failure", problem.message, problem.hint)
        files = known.files()
        if files and not _kept_from_git(files[0]):
            return Check(
                "secrets", "failure", f"git takes {files[0]}.", f"Run: echo /secrets/ >> {home.root}/.gitignore"
            )
        found = leaks(home)
        if found:
            places = "; ".join(f"{leak.file.name}: {clipped(leak.place, PLACE_SHOWN)}" for leak in found[:LEAKS_SHOWN])
            more = f" and {len(found) - LEAKS_SHOWN} more" if len(found) > LEAKS_SHOWN else ""
            return Check(
                "secrets", "warning", f"This looks like a secret: {places}{more}.", _MOVE_IT.format(home.secrets)
            )
        return Check(
            "secrets", "ok", f"{len(files)} files, for you alone" if files else "none in files that are shared"
        )

    return guarded("secrets", look)


def _kept_from_git(path: Path) -> bool:
    """Whether git passes this file by; where there is no git or no repository, nothing takes it."""
    try:
        done = subprocess.run(
            ["git", "-C", str(path.parent), "check-ignore", "-q", "--no-index", str(path)],
            capture_output=True, timeout=VERSION_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        tracked = subprocess.run(
            ["git", "-C", str(path.parent), "ls-files", "--error-unmatch", str(path)],
            capture_output=True, timeout=VERSION_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return True
    return done.returncode != 1 and tracked.returncode != 0
