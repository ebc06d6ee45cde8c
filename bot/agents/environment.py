"""The environment of an agent: login, agent.env, type, profile, and of ours only MAF_AGENT and MAF_HOME."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bot.agents.model import Agent
from bot.envfile import read_env
from bot.home import Home
from bot.settings import SECRET

# What an agent needs of the person's login to run their tools; a service's own environment is poorer.
_KEPT = frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "EDITOR", "VISUAL", "PAGER",
        "SSH_AUTH_SOCK", "SSH_AGENT_PID", "GPG_AGENT_INFO", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
        "XDG_CACHE_HOME", "XDG_STATE_HOME", "COLORTERM", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
        "http_proxy", "https_proxy", "no_proxy", "all_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS",
        "REQUESTS_CA_BUNDLE", "VIRTUAL_ENV", "NVM_DIR", "GOPATH", "CARGO_HOME", "RUSTUP_HOME", "JAVA_HOME",
    }
)  # fmt: skip
SSH = "SSH_AUTH_SOCK"


@dataclass(frozen=True, slots=True)
class ProfileSetup:
    """What a profile gives an agent: its own CODEX_HOME/CLAUDE_CONFIG_DIR (None: the CLI's default) and variables."""

    home: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)


def login_environment(home: Home) -> dict[str, str]:
    """What `maf init` found in the person's login shell, without an SSH agent that has ended since (after a new login
    another one runs); {} where it has not looked."""
    try:
        found = read_env(home.login_env)
    except OSError:
        return {}
    return {name: value for name, value in found.items() if value and (name != SSH or Path(value).exists())}


def agent_environment(
    *,
    login: Mapping[str, str],
    agent_env: Mapping[str, str],
    type_env: Mapping[str, str],
    profile_env: Mapping[str, str],
    cli_env: Mapping[str, str],
    agent_id: str,
    home: Path,
) -> dict[str, str]:
    """The whole environment of an agent; a later source wins over an earlier one. `cli_env` names the CLI's home.
    Pure."""
    kept = {k: v for k, v in login.items() if k in _KEPT or k.startswith("LC_")}
    merged = {**kept, **agent_env, **type_env, **profile_env, **cli_env}
    clean = {k: v for k, v in merged.items() if k not in SECRET}  # not even agent.env can hand them on
    return {**clean, "MAF_AGENT": agent_id, "MAF_HOME": str(home)}


def profile_setups(home: Home) -> Callable[[Agent], ProfileSetup]:
    """Where profiles are not told otherwise: `.maf/profiles/NAME`; a demo agent has a home of its own."""

    def setup(agent: Agent) -> ProfileSetup:
        if agent.kind == "demo":
            return ProfileSetup(home.root / "demo" / agent.id)
        return ProfileSetup(home.profile(agent.profile)) if agent.profile else ProfileSetup()

    return setup
