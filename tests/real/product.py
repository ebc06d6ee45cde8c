"""The whole product with an agent of a real CLI in a profile home of ours, against the mock model server."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.agents.hooks.setup import REFUSED
from bot.agents.state.watch import Look
from bot.checkpoint import Checkpoint, pass_by
from bot.clis.model import State
from tests.flow.product import Product, product, socket_of, until
from tests.patience import PATIENCE_S
from tests.real.agent_mail import MailServer, give_mail, settings_of
from tests.real.homes import make_claude_home, make_codex_home
from tests.real.installed import need, real_path
from tests.real.mock_models import MockModels

PROFILE = "account-1"


@dataclass
class RealProduct:
    """One agent of a real CLI, its product, and the model server that it talks to."""

    p: Product
    kind: str
    agent: str
    models: MockModels
    home: Path

    @property
    def look(self) -> Look:
        look = self.p.app.services.watch.last(self.agent)
        assert look is not None
        return look

    @property
    def state(self) -> State:
        return self.look.view.state

    async def becomes(self, *states: State, within: float = PATIENCE_S) -> None:
        """Until the watch says one of these."""
        try:
            await until(lambda: self.state in states, f"{self.agent} {states}", within)
        except AssertionError:
            raise AssertionError(f"{self.state} because {self.look.view.rule}\n{self.screen}") from None

    @property
    def screen(self) -> str:
        return self.look.screen.plain if self.look.screen else ""

    async def prompt(self, text: str) -> dict[str, object]:
        return dict(await self.p.app.call("agent.send", {"id": self.agent, "text": text, "wait": 15.0}))

    def tmux(self, *words: str) -> str:
        """Ask the agents' tmux server, as a person would."""
        socket = socket_of(self.p.project.parent)
        done = subprocess.run(
            ["tmux", "-S", socket, *words], capture_output=True, text=True, timeout=PATIENCE_S, check=True
        )
        return done.stdout.strip()

    async def keys(self, *names: str) -> None:
        """Somebody at the pane."""
        pane = self.look.view.agent.pane
        assert pane
        assert await self.p.app.services.panes.keys(pane, *names)


@asynccontextmanager
async def real_product(
    folder: Path,
    kind: str,
    *,
    hooks: bool,
    mail: MailServer | None = None,
    prepare: Callable[[Path, str], None] = lambda home, kind: None,
    checkpoint: Checkpoint = pass_by,
    below: str = "",
) -> AsyncIterator[RealProduct]:
    """Started and idle. Without `hooks` the person has refused them for this home. With `mail` the bot and its agents
    have that server. `prepare(home, kind)` may change the CLI's home before its first start. The agent works in the
    folder `below` that of the project."""
    need(kind)
    with MockModels() as models:
        ours = settings_of(mail) if mail is not None else {}
        async with product(folder, agents=0, beads=False, checkpoint=checkpoint, **ours) as p:
            home = p.home.profile(PROFILE)
            make = make_codex_home if kind == "codex" else make_claude_home
            workdir = p.project / below
            workdir.mkdir(parents=True, exist_ok=True)
            env = make(home, workdir, models.url)
            if mail is not None:
                env |= give_mail(home, kind, mail)
            prepare(home, kind)
            if not hooks:
                (home / REFUSED).touch()
            p.home.agent_env.write_text("".join(f"{k}={v}\n" for k, v in env.items() if k != "PATH"), "utf8")
            p.home.run.mkdir(exist_ok=True)
            (p.home.run / "login-env").write_text(f'PATH="{real_path()}"\n', "utf8")
            made = await p.app.call(
                "agent.create",
                {"type": f"{kind}-worker", "id": "w1", "profile": PROFILE, "workdir": str(workdir)},
            )
            real = RealProduct(p, kind, made["id"], models, home)
            await until(lambda: p.app.services.watch.last("w1") is not None, "a first look")
            await real.becomes(State.IDLE)
            yield real
