"""A ChatGPT login for the real Codex, made up, and the TLS that it insists on. Neither is worth anything elsewhere.

As codex-cli 0.169.0 accepts it: an auth.json whose tokens are unsigned, `requires_openai_auth`, and an https origin
whose certificate the authority of CODEX_CA_CERTIFICATE has signed.
"""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.patience import PATIENCE_S
from tests.real.homes import make_codex_home
from tests.real.installed import need

ACCOUNT = "acct-mock"


@dataclass(frozen=True, slots=True)
class Tls:
    """A certificate for localhost, its key, and the authority that vouches for it."""

    certificate: Path
    key: Path
    authority: Path


def make_tls(folder: Path) -> Tls:
    """Good for two days. Skips where there is no openssl."""
    openssl = need("openssl")
    folder.mkdir(parents=True, exist_ok=True)
    made = Tls(folder / "cert.pem", folder / "key.pem", folder / "ca.pem")
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    for command in (
        ["req", "-x509", *new_key, "-subj", "/CN=test CA", "-days", "2", "-keyout", "ca.key", "-out", "ca.pem"],
        ["req", "-new", *new_key, "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "cert.csr"],
        ["x509", "-req", "-in", "cert.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
         "-extfile", "names", "-out", "cert.pem"],
    ):  # fmt: skip
        subprocess.run([openssl, *command], cwd=folder, capture_output=True, check=True, timeout=PATIENCE_S)
    return made


def make_logged_in_home(home: Path, workdir: Path, url: str, tls: Tls, *, user: str = "someone") -> dict[str, str]:
    """A CODEX_HOME in which `user` is logged in with ChatGPT, at a model server of ours; returns what its profile's
    environment needs."""
    origin = url.replace("127.0.0.1", "localhost")
    make_codex_home(home, workdir, origin, more=f'chatgpt_base_url = "{origin}/backend-api"')
    config = (home / "config.toml").read_text().replace('env_key = "MOCK_KEY"', "requires_openai_auth = true")
    (home / "config.toml").write_text(config)
    token = unsigned_token(user)
    tokens = {"id_token": token, "access_token": token, "refresh_token": "made-up", "account_id": ACCOUNT}
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    (home / "auth.json").write_text(json.dumps({"OPENAI_API_KEY": None, "tokens": tokens, "last_refresh": now}))
    trusted = str(tls.authority)
    return {"CODEX_CA_CERTIFICATE": trusted, "SSL_CERT_FILE": trusted, "NO_PROXY": "localhost,127.0.0.1"}


def unsigned_token(user: str) -> str:
    """A JWT that nobody has signed, always the same; it ends in 2096."""
    claims = {
        "email": f"{user}@example.com",
        "exp": 4_000_000_000,
        "https://api.openai.com/auth": {
            "chatgpt_plan_type": "plus",
            "chatgpt_user_id": user,
            "chatgpt_account_id": ACCOUNT,
        },
    }
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    return ".".join([*(_base64(json.dumps(part).encode()) for part in parts), _base64(b"unsigned")])


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
