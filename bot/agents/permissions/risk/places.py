"""Places: paths that lead out of the workspace, to credentials, to settings that others load. Pure."""

from __future__ import annotations

import posixpath
import re

from bot.agents.permissions.risk.model import Effect

NOWHERE = re.compile(r"/dev/(null|stdin|stdout|stderr|tty|fd/\d+)")
DEVICE = re.compile(r"/(dev|proc|inet)(/|$)")  # the last is one of gawk

_SECRET = re.compile(
    r"(?:^|/)(?:"
    r"\.(?:ssh|gnupg|aws|azure|kube|netrc|pgpass|npmrc|pypirc|my\.cnf|git-credentials|vault-token|htpasswd|s3cfg|boto)"
    r"|\.envrc|\.env(?:\.(?!example|sample|template|dist)[\w.-]+)?|[\w.-]*\.env|secrets(?=/)"
    r"|\.docker/config\.json|\.config/(?:gh|hub|gcloud|op|rclone)|\.cargo/credentials[\w.]*|\.claude\.json"
    r"|\.?(?:auth|credentials?|secrets?|token|tokens)\.(?:json|ya?ml|toml|ini|txt)|\.?credentials"
    r"|id_(?:rsa|dsa|ecdsa|ed25519)\w*|[\w.-]+\.(?:pem|key|p12|pfx|jks|keystore|kdbx|ppk)"
    r"|\.(?:bash|zsh|python|psql|mysql|node_repl)_history|login\.keychain[\w-]*|keychains"
    r"|etc/(?:g?shadow|sudoers|ssl/private)|proc/[^/\s]+/(?:environ|mem|cmdline)"
    r")(?=$|/)",
    re.IGNORECASE,
)
_HIDDEN_PATTERN = re.compile(r"\.[^*?\[]*[*?\[]")
_MAYBE_UP = re.compile(r"\.(?=.*[*?\[])(?:[*?.]|\[[^]]*\])+")
_SECRETS = (".env", ".ssh", ".netrc", ".npmrc", ".aws", ".git-credentials", ".bash_history", ".claude.json")
# What is changed by writing there.
_LOADED = {
    Effect.MAF: r"\.maf|maf\.env",
    Effect.GIT: r"\.git|\.git(?:config|attributes|modules)|\.config/git|\.husky|etc/gitconfig",
    Effect.SHELL: (
        r"\.(?:bashrc|bash_profile|bash_login|bash_logout|bash_aliases|profile|z?shrc|zshenv|zprofile|zlogin|zlogout|kshrc"
        r"|t?cshrc|login|inputrc|xprofile|xinitrc|xsession|envrc|tmux\.conf|pam_environment|oh-my-zsh)"
        r"|\.config/(?:fish|tmux)|etc/(?:profile|bash|zsh|environment)[\w.]*"
    ),
    Effect.AGENT: (
        r"\.claude/(?:settings[\w.]*|hooks|agents|commands|skills|plugins|rules)|\.claude\.json|\.mcp\.json"
        r"|\.codex/(?:config\.toml|hooks[\w.]*|rules|prompts)|etc/(?:codex|claude-code)"
    ),
    Effect.MACHINE: (
        r"\.config/(?:systemd|autostart)|library/launch(?:agents|daemons)|etc/(?:cron[\w.]*|systemd|sudoers|hosts|passwd)"
        r"|var/spool/cron|authorized_keys"
    ),
}
_LOADS = {effect: re.compile(rf"(?:^|/)(?:{names})(?=$|/)", re.IGNORECASE) for effect, names in _LOADED.items()}


def leaves(path: str, workspace: str) -> bool:
    """Tell whether a path leads out of the workspace. `~` and `$HOME` do; a pattern does if it may stand for `..`."""
    if path.startswith(("~", "$HOME")):
        return True
    parts = path.split("/")
    if any(_MAYBE_UP.fullmatch(part) for part in parts):
        return True
    if (not path.startswith("/") and ".." not in parts) or NOWHERE.fullmatch(path):
        return False
    root = posixpath.normpath(workspace).rstrip("/")
    there = normal(path, workspace)
    return there != root and not there.startswith(root + "/")


def within(folder: str, path: str) -> str:
    """Join a path to the folder that it is named in."""
    if path in {"", "."}:
        return folder or path
    return path if path.startswith("~") else posixpath.join(folder, path)


def normal(path: str, workspace: str) -> str:
    """Make a path absolute, without `..` and double slashes."""
    whole = posixpath.normpath(posixpath.join(workspace, path))
    return "/" + whole.lstrip("/") if whole.startswith("//") else whole


def told(path: str, workspace: str) -> str:
    """Name a path from the workspace on, for the workspace's own place says nothing about the file."""
    root = posixpath.normpath(workspace).rstrip("/")
    return f"{normal(path, workspace)}/".removeprefix(f"{root}/").rstrip("/")


def secret(path: str) -> bool:
    """Tell whether a path, named by `told`, leads to credentials."""
    if _SECRET.search(path):
        return True
    begun = (found[0][:-1] for part in path.split("/") if (found := _HIDDEN_PATTERN.match(part)))
    return any(name.startswith(beginning) for beginning in begun for name in _SECRETS)


def loaded(path: str) -> set[Effect]:
    """Name what is changed by writing to a path: settings and programs that others load."""
    return {effect for effect, names in _LOADS.items() if names.search(path)}
