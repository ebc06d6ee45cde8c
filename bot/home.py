"""The home: the `.maf/` folder and the names of what lies in it (contract.md section 3).

Standard library only: `maf hook` and `maf quota line` start here and must stay quick.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Home:
    """Paths in one home. Nothing is created by asking for a path."""

    root: Path

    @property
    def env_file(self) -> Path:
        return self.root / "maf.env"

    @property
    def agent_env(self) -> Path:
        return self.root / "agent.env"

    @property
    def login_env(self) -> Path:
        """What `maf init` found in the login shell, for the agents."""
        return self.run / "login-env"

    @property
    def tmux_conf(self) -> Path:
        return self.root / "tmux.conf"

    @property
    def database(self) -> Path:
        return self.root / "maf.db"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def socket(self) -> Path:
        return self.run / "maf.sock"

    @property
    def lock(self) -> Path:
        return self.run / "maf.lock"

    @property
    def quota_line(self) -> Path:
        return self.run / "quota-line"

    @property
    def last_good(self) -> Path:
        """Copies of configuration files as they were when they last fitted."""
        return self.run / "last-good"

    @property
    def hooks_spool(self) -> Path:
        return self.run / "hooks.spool"

    @property
    def agents_mirror(self) -> Path:
        return self.root / "agents.json"

    @property
    def quota_state(self) -> Path:
        return self.root / "monitoring" / "quota-state.json"

    @property
    def config(self) -> Path:
        return self.root / "config"

    @property
    def agent_config(self) -> Path:
        return self.config / "default-agent-config.json"

    @property
    def monitoring_config(self) -> Path:
        return self.config / "monitoring-config.json"

    @property
    def agent_types(self) -> Path:
        return self.config / "agent-types.json"

    @property
    def packs(self) -> Path:
        return self.root / "packs"

    @property
    def secrets(self) -> Path:
        """The folder of files that hold the secrets of a profile's agents."""
        return self.root / "secrets"

    def profile(self, name: str) -> Path:
        return self.root / "profiles" / _one_name(name)

    def worktree(self, agent: str) -> Path:
        return self.root / "worktrees" / _one_name(agent)

    def agent_log(self, agent: str) -> Path:
        return self.logs / "agents" / f"{_one_name(agent)}.log"

    def agent_facts(self, agent: str) -> Path:
        """What an agent's side windows show, written by the bot."""
        return self.run / "agents" / f"{_one_name(agent)}.json"

    @property
    def waiting(self) -> Path:
        """What the status line says of agents that need a person."""
        return self.run / "waiting"

    @property
    def next(self) -> Path:
        """The session of the agent that has needed a person for longest."""
        return self.run / "next"

    @property
    def exists(self) -> bool:
        return self.root.is_dir()


def _one_name(name: str) -> str:
    """The name, which was checked where it came in; here once more, for no file of ours lies outside the home.

    Raises ValueError for what is a path, or nothing."""
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise ValueError(f"no name for a file: {name!r}")
    return name


def find_home(given: str | Path | None = None, *, cwd: Path | None = None) -> Home:
    """`--home`, else $MAF_HOME, else the nearest `.maf/` upward, else `./.maf` (which need not exist)."""
    start = (cwd or Path.cwd()).resolve()
    chosen = str(given) if given else os.environ.get("MAF_HOME", "")
    if chosen:
        # Not Path.expanduser, which raises for a ~name that nobody has.
        return Home((start / os.path.expanduser(chosen)).resolve())  # noqa: PTH111
    for folder in (start, *start.parents):
        if (folder / ".maf").is_dir():
            return Home(folder / ".maf")
    return Home(start / ".maf")
