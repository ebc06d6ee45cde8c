"""Files that real agents reserve in a real Agent Mail, released when their agent is deleted, and not before."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.clis.model import State
from tests.flow.product import until
from tests.real.agent_mail import MailServer, free_port, mail_server
from tests.real.product import PROFILE, RealProduct, real_product


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    with mail_server(tmp_path_factory.mktemp("mail"), free_port()) as running:
        yield running


async def reserve(real: RealProduct, agent: str, tool: str, path: str, server: MailServer, **arguments: Any) -> None:
    """The model calls the tool until `path` is reserved: a CLI may not have connected to its servers yet."""
    app, words = real.p.app, f"please CALL agent-mail {tool} {json.dumps(arguments)}"

    def answered() -> bool:
        """The model got the tool's result in the turn of its newest prompt, and that turn is over."""
        turns = [one for one in real.models.requests if not one.hidden and any(words in text for text in one.all)]
        return bool(turns) and turns[-1].tool_result and app.services.watch.view(agent).state is State.IDLE

    async def reserved() -> bool:
        await app.call("agent.send", {"id": agent, "text": words, "wait": 15.0})
        await until(answered, f"{agent} answered")
        return path in server.reserved(str(real.p.project))

    await until(reserved, f"{path} reserved")


@pytest.mark.parametrize("kind", ["codex", "claude"])
async def test_a_deleted_agent_lets_go_of_its_files_and_another_keeps_its_own(kind: str, server: MailServer) -> None:
    with tempfile.TemporaryDirectory(prefix="maf-m", dir="/tmp", ignore_cleanup_errors=True) as folder:
        async with real_product(Path(folder), kind, hooks=False, mail=server) as real:
            app, root = real.p.app, str(real.p.project)
            made = {"type": f"{kind}-worker", "profile": PROFILE, "workdir": root}
            await app.call("agent.create", {**made, "id": "w2"})
            server.tool("ensure_project", human_key=root)
            one = server.tool("register_agent", project_key=root, program=kind, model="mock")["name"]
            mine = {"project_key": root, "agent_name": one, "paths": ["src/one.py"], "ttl_seconds": 900}
            await reserve(real, "w1", "file_reservation_paths", "src/one.py", server, **mine)
            # Its name is known from the answer alone.
            other = {"human_key": root, "program": kind, "model": "mock", "file_reservation_paths": ["src/two.py"]}
            await reserve(real, "w2", "macro_start_session", "src/two.py", server, **other)
            reserved = server.reserved(root)
            assert set(reserved) == {"src/one.py", "src/two.py"} and reserved["src/one.py"] == one

            await app.call("agent.restart", {"id": "w1"})
            await until(lambda: app.services.watch.view("w1").state is State.IDLE, "w1 idle again")
            assert server.reserved(root) == reserved

            gone = await app.call("agent.delete", {"id": "w1"})
            assert (gone["reservations"], gone["problems"]) == (1, [])
            assert set(server.reserved(root)) == {"src/two.py"}
            await app.call("agent.delete", {"id": "w2"})
            assert server.reserved(root) == {}
