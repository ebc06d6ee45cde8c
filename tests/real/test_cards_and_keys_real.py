"""A tap answers the request that its card shows, on the real CLIs: parallel calls, subagents, a person at the pane."""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from bot.clis.kinds import cli_for
from bot.clis.tail import Record, mapping, string, texts
from tests.flow.interleaving import Ended, Play, hard_to_tell_apart
from tests.real.product import RealProduct, real_product

Found = tuple[str, str, tuple[str, str] | None]  # a call's id, then its command or how it ended and by whom


@pytest.fixture(params=["codex-hooks", "codex-keys", "claude-hooks", "claude-keys"])
async def real(request: pytest.FixtureRequest) -> AsyncIterator[RealProduct]:
    kind, way = str(request.param).split("-")
    with tempfile.TemporaryDirectory(prefix="maf-k", dir="/tmp", ignore_cleanup_errors=True) as folder:
        async with real_product(Path(folder), kind, hooks=way == "hooks") as made:
            yield made


class RealPlay(Play):
    """Interleavings on one agent of a real CLI."""

    patience = (1.5, 5.0)

    def __init__(self, real: RealProduct, seed: int) -> None:
        super().__init__(real.p, seed)
        self.real = real
        self.agents = [real.agent]
        self.hooked = bool(real.p.app.services.hook_setup.status(real.home, real.kind).events)

    def calls(self, number: int) -> list[dict[str, Any]]:
        family = hard_to_tell_apart(f"card {number} one two three four five six seven")
        texts = [self.dice.choice(family) for _ in range(self.dice.choice((1, 2, 2, 3)))]
        chosen = [f"echo '[{text}]' >> ../ran" for text in texts]
        subagents = self.real.kind == "claude"
        return [{"command": command, "subagent": subagents and self.dice.random() < 0.4} for command in chosen]

    def prompt(self, calls: list[dict[str, Any]]) -> str:
        return f"TOOLS {json.dumps([self._tool(**call) for call in calls])}"

    def _tool(self, command: str, *, subagent: bool) -> list[Any]:
        if self.real.kind == "codex":
            more = {"sandbox_permissions": "require_escalated", "justification": "the test asks for it"}
            return ["exec_command", {"cmd": command, **more}]
        bash = ["Bash", {"command": command, "description": "a test"}]
        if not subagent:
            return bash
        asked = {"description": "help", "subagent_type": "general-purpose", "prompt": f"TOOLS {json.dumps([bash])}"}
        return ["Agent", asked]

    def same(self, shown: str, command: str) -> bool:
        width = self.real.look.screen.width if self.real.look.screen else 0
        return shown in (command, "\n".join(cli_for(self.real.kind).drawn(command, width) or ()).rstrip())

    def ended(self, agent: str) -> list[Ended]:
        """Codex 0.169.0 writes "aborted" also for a call that ran, where the turn was stopped before another had ended:
        what ran is read in the file that all of these commands write to."""
        if self.real.kind == "claude":
            return self._recorded(self._claude)
        file, by = self.p.project.parent / "ran", "hook" if self.hooked else "user"
        ran = file.read_text("utf8") if file.exists() else ""
        commands = {command for story in self.stories for command in story.commands}
        done = [Ended(one, "done", by) for one in commands for _ in range(ran.count(one.split("'")[1]))]
        return [*done, *(call for call in self._recorded(self._codex) if call.end != "done")]

    def _recorded(self, parse: Callable[[Record], list[Found]]) -> list[Ended]:
        commands: dict[str, str] = {}
        found = []
        for path in sorted(self.real.home.rglob("*.jsonl")):
            for line in path.read_text("utf8").splitlines():
                for name, command, ended in parse(json.loads(line)):
                    if command:
                        commands[name] = command
                    elif ended is not None and name in commands:
                        found.append(Ended(commands[name], *ended))
        return found

    def _claude(self, record: Record) -> list[Found]:
        content = mapping(record.get("message")).get("content") if record.get("type") in ("user", "assistant") else None
        decided = mapping(record.get("permissionDecision"))
        by = string(decided.get("source")).split("_")[0]
        found: list[Found] = []
        for block in content if isinstance(content, list) else []:
            if block.get("type") == "tool_use" and block.get("name") == "Bash":
                found.append((block["id"], block["input"]["command"], None))
            elif block.get("type") == "tool_result":
                # A no of a hook that stops the turn is written down as one at the pane is.
                refused = texts(block.get("content")).startswith("The user doesn't want to proceed")
                rejected = decided.get("decision") == "reject"
                end = "refused" if refused or (rejected and by == "user") else "failed" if rejected else "done"
                found.append((block["tool_use_id"], "", (end, by)))
        return found

    def _codex(self, record: Record) -> list[Found]:
        payload = mapping(record.get("payload"))
        call, kind = string(payload.get("call_id")), payload.get("type")
        if kind == "function_call":
            return [(call, string(json.loads(string(payload.get("arguments"))).get("cmd")), None)]
        if kind != "function_call_output":
            return []
        said = texts(payload.get("output")) or string(payload.get("output"))
        if "aborted by user" in said:
            return [(call, "", ("refused", "user"))]
        denied = "ejected" in said or "said no" in said
        return [(call, "", ("failed" if denied else "done", "hook" if self.hooked else "user"))]


@pytest.mark.timeout(900)
async def test_a_tap_answers_just_the_words_of_its_card(real: RealProduct) -> None:
    play = RealPlay(real, seed=11)
    await play.run(20 if play.hooked else 8)
