"""What a real CLI's own commands may do with `maf`: the model's shell calls, in its sandbox and out of it."""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.clis.model import State
from tests.flow.product import until
from tests.patience import PATIENCE_S
from tests.real.product import RealProduct, real_product
from tests.real.test_permissions_real import SETTLE_S, open_asks

MAF = str(Path(sys.executable).with_name("maf"))


@pytest.fixture
async def claude() -> AsyncIterator[RealProduct]:
    with tempfile.TemporaryDirectory(prefix="maf-w", dir="/tmp", ignore_cleanup_errors=True) as folder:
        async with real_product(Path(folder), "claude", hooks=True) as made:
            yield made


@pytest.fixture
async def codex() -> AsyncIterator[RealProduct]:
    with tempfile.TemporaryDirectory(prefix="maf-w", dir="/tmp", ignore_cleanup_errors=True) as folder:
        async with real_product(Path(folder), "codex", hooks=True) as made:
            yield made


async def ran(real: RealProduct, command: str, *, asks: bool) -> str:
    """What the model is told of a command that it had run; `asks`: a person says yes to it at the pane."""
    known = len(real.models.requests)
    if real.kind == "claude":
        tool = f"TOOL Bash {json.dumps({'command': command, 'description': 'x'})}"
    else:
        tool = f"TOOL exec_command {json.dumps({'cmd': command})}"
    done = await real.prompt(tool)
    assert done["status"] in ("submitted", "started"), (done, real.screen)
    if asks:
        await real.becomes(State.WAITING)
        await until(lambda: "Do you want" in real.screen and bool(open_asks(real)), "the dialog")
        (ask,) = open_asks(real)
        clock = real.p.app.services.clock
        # No person is quicker, and Claude takes no keys in the first moment of its dialog.
        await until(lambda: (clock.now() - ask.created_at).total_seconds() > 2 * SETTLE_S, "a person's reaction")
        await real.keys("1")

    def told() -> list[str]:
        return ["\n".join(r.results) for r in real.models.requests[known:] if r.tool_result and not r.hidden]

    await until(lambda: bool(told()), f"the output of {command}\n{real.screen}", PATIENCE_S)
    await real.becomes(State.IDLE)
    return told()[-1]


async def test_what_claude_runs_is_the_agent(claude: RealProduct) -> None:
    said = await ran(claude, f"env -u MAF_AGENT {MAF} agent list; {MAF} pair --role owner; echo code $?", asks=True)
    assert "claude-worker" in said
    assert "for a person" in said
    assert "code 1" in said


async def test_what_codex_runs_in_its_sandbox_reaches_no_bot_and_says_so(codex: RealProduct) -> None:
    said = await ran(codex, f"{MAF} agent list; {MAF} db backup x; {MAF} pair --role owner", asks=False)
    assert said.count("error: This runs in a sandbox") == 2
    assert said.count("for a person") == 1  # what needs no bot asks of itself
    assert "maf.rules" in said
    # Stripped of our variables it is no person either.
    said = await ran(codex, f"env -i {sys.executable} -c {shlex.quote(WHO)}", asks=False)
    assert "agent=''" in said

    # Allowed by a rule of the person's, it runs outside, and the process tells whose it is.
    rules = codex.home / "rules" / "maf.rules"
    rules.parent.mkdir(exist_ok=True)
    lines = [f'prefix_rule(pattern={json.dumps([MAF, *words])}, decision="allow")' for words in (["agent"], ["pair"])]
    rules.write_text("\n".join(lines) + "\n")
    await codex.p.app.call("agent.restart", {"id": "w1"})
    await codex.becomes(State.IDLE)
    assert "codex-worker" in await ran(codex, f"{MAF} agent list", asks=False)
    assert "for a person" in await ran(codex, f"{MAF} pair --role owner", asks=False)
    assert "for a person" in await ran(codex, f"{MAF} agent stop w1", asks=False)
    assert "sandbox" in await ran(codex, f"cd . && {MAF} agent list", asks=False)


# `-c`, with nothing of ours in the environment: the namespace alone tells.
WHO = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from pathlib import Path
from bot.agents.caller import own_caller
print("agent=%r" % own_caller(Path("/nowhere")).agent, Path("/proc/1/comm").read_text())
"""
