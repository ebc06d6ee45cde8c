"""A throwaway PostgreSQL cluster on a free loopback port. Skips, with the reason, where there is no PostgreSQL.

The conftest of the integration tests brings it in. Each test gets an empty database of its own.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest

from bot.store import Store, migrate
from tests.patience import PATIENCE_S

_numbers = count(1)


def _programs() -> Path | None:
    """The folder with initdb and pg_ctl: on the PATH, or where Debian keeps them."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    kept = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return kept[-1].parent if kept else None


def _as_owner() -> list[str]:
    """PostgreSQL refuses to run as root: then it runs as `postgres`."""
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []


def _run(*command: str | Path, cwd: Path) -> None:
    argv = [*_as_owner(), *map(str, command)]
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}")


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[str]:
    """`postgresql+asyncpg://…` of a running cluster, without a database name."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL (initdb) is not installed")
    folder = Path(tempfile.mkdtemp(prefix="maf-pg"))
    try:
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        data = folder / "data"
        _run(programs / "initdb", "-D", data, "-U", "maf", "-A", "trust", "--no-sync", "-E", "UTF8", cwd=folder)
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"
        _run(programs / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start", cwd=folder)
        try:
            yield f"postgresql+asyncpg://maf@127.0.0.1:{port}"
        finally:
            _run(programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop", cwd=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_cluster: str) -> str:
    """An empty database. Not an async fixture, so that it can be asked for from within one."""
    name = f"maf{next(_numbers)}"
    programs = _programs()
    assert programs is not None  # else the cluster had skipped
    server = postgres_cluster.replace("+asyncpg", "") + "/postgres"
    _run(programs / "createdb", "--maintenance-db", server, name, cwd=Path("/"))
    return f"{postgres_cluster}/{name}"


@pytest.fixture(params=["sqlite", "postgres"])
async def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """A store of the newest shape, on each of the two databases."""
    sqlite = request.param == "sqlite"
    url = f"sqlite+aiosqlite:///{tmp_path}/maf.db" if sqlite else str(request.getfixturevalue("postgres_url"))
    await migrate.upgrade(url)
    opened = Store(url)
    try:
        yield opened
    finally:
        await opened.close()
