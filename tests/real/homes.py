"""Homes for the real CLIs in which they start at once: no onboarding, no trust dialog, no login, no update.

As measured on codex-cli 0.169.0 and Claude Code 2.1.328. Both talk to the mock model server only.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

CLAUDE_TOKEN = "sk-ant-oat01-mock"


def make_codex_home(home: Path, workdir: Path, url: str, *, key: str = "mock-key", more: str = "") -> dict[str, str]:
    """Write config.toml and return the environment. `more` is TOML to put in front of the tables."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.toml").write_text(
        f"""model = "gpt-5.2-codex"
model_provider = "mock"
check_for_update_on_startup = false
approval_policy = "on-request"
sandbox_mode = "workspace-write"
{more}
[model_providers.mock]
name = "Mock"
base_url = "{url}/v1"
env_key = "MOCK_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0

[analytics]
enabled = false

[projects."{workdir}"]
trust_level = "trusted"
"""
    )
    return _environment(home.parent) | {"CODEX_HOME": str(home), "MOCK_KEY": key}


def make_claude_home(home: Path, workdir: Path, url: str, *, token: str = CLAUDE_TOKEN) -> dict[str, str]:
    """Write .claude.json and settings.json and return the environment."""
    home.mkdir(parents=True, exist_ok=True)
    state = {
        "hasCompletedOnboarding": True,
        "theme": "dark",
        "hasSeenAutoDefaultNudge": True,  # or it offers auto mode in a dialog at the first start
        "projects": {str(workdir): {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}},
    }
    (home / ".claude.json").write_text(json.dumps(state))
    (home / "settings.json").write_text(json.dumps({"permissions": {"defaultMode": "default"}}))
    quiet = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1", "DISABLE_TELEMETRY": "1"}
    login = {"ANTHROPIC_BASE_URL": url, "CLAUDE_CODE_OAUTH_TOKEN": token}
    return _environment(home.parent) | quiet | login | {"CLAUDE_CONFIG_DIR": str(home)}


def _environment(home: Path) -> dict[str, str]:
    """What a CLI needs of ours, and nothing that names an account."""
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "NO_PROXY": "127.0.0.1",
    }
