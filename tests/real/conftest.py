"""Fixtures for tests with the real counterparts: real CLIs against a mock model server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.clis.base import Cli
from bot.clis.kinds import cli_for
from tests.integration.agents_fleet import Fleet
from tests.private_tmux import Pane, PrivateTmux
from tests.real.fleet import open_real_fleet
from tests.real.homes import make_claude_home, make_codex_home
from tests.real.installed import need, real_path
from tests.real.mock_models import MockModels

COMPOSER = "? for shortcuts"


@dataclass(frozen=True, slots=True)
class RealHome:
    """A home of a real CLI in which it starts at once, the project it trusts, and the environment it needs."""

    cli: Cli
    home: Path
    workdir: Path
    env: dict[str, str]
    models: MockModels
    tmux: PrivateTmux

    def open(self, *, resume: str | None = None, size: tuple[int, int] = (110, 36), sees: str = COMPOSER) -> Pane:
        """Start the CLI in a pane and wait for its composer, or for other words."""
        launch = self.cli.launch(home=self.home, workdir=self.workdir, resume=resume, path=real_path())
        env = self.env | dict(launch.env) | {"PATH": real_path()}
        pane = self.tmux.open(launch.argv, cwd=self.workdir, env=env, size=size)
        pane.sees(sees)
        return pane


@pytest.fixture
def models() -> Iterator[MockModels]:
    """The mock model server; its log says what the models really received."""
    with MockModels() as server:
        yield server


@pytest.fixture
def private_tmux(tmp_path: Path) -> Iterator[PrivateTmux]:
    with PrivateTmux(tmp_path) as server:
        yield server


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    folder = tmp_path / "proj"
    folder.mkdir()
    return folder


@pytest.fixture
def codex_home(tmp_path: Path, workdir: Path, models: MockModels, private_tmux: PrivateTmux) -> RealHome:
    need("codex")
    env = make_codex_home(tmp_path / "codex", workdir, models.url)
    return RealHome(cli_for("codex"), tmp_path / "codex", workdir, env, models, private_tmux)


@pytest.fixture
def claude_home(tmp_path: Path, workdir: Path, models: MockModels, private_tmux: PrivateTmux) -> RealHome:
    need("claude")
    env = make_claude_home(tmp_path / "claude", workdir, models.url)
    return RealHome(cli_for("claude"), tmp_path / "claude", workdir, env, models, private_tmux)


@pytest.fixture(params=["codex", "claude"])
def real_home(request: pytest.FixtureRequest) -> RealHome:
    """Each of both real CLIs in turn."""
    home: RealHome = request.getfixturevalue(f"{request.param}_home")
    return home


@pytest.fixture(params=["codex", "claude"])
def kind(request: pytest.FixtureRequest) -> str:
    """One real CLI after the other."""
    need(request.param)
    return str(request.param)


@pytest.fixture
async def fleet(kind: str, models: MockModels) -> AsyncIterator[Fleet]:
    """A fleet of that CLI."""
    async with open_real_fleet(kind, models) as opened:
        yield opened
