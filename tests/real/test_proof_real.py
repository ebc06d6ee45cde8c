"""What is told of a prompt is what the real CLI did with it: plain ones are proven, blocked and killed ones are not.

MAF_PROOF_ROUNDS=20 runs that many of each; without it few, for they take long. The mock model's log is the judge.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.agents.delivery.model import Delivery
from bot.clis.hooks import snake, trusted_hash
from bot.clis.model import State
from bot.clis.text import normal
from tests.flow.product import until
from tests.real.product import RealProduct, real_product

pytestmark = pytest.mark.every_version

ROUNDS = int(os.environ.get("MAF_PROOF_ROUNDS", "2"))
KILLS = int(os.environ.get("MAF_PROOF_ROUNDS", "1"))
WAYS = ("with our hooks", "without")
SHORT = WAYS if ROUNDS > 2 else WAYS[:1]
WORDS = "policy: no deploys <b>on</b> fridays"
# The person's own hook: exit 2 turns the prompt away (both CLIs), continue: false keeps it out of the model.
HOOK = f"""import json, sys, time
prompt = json.load(sys.stdin).get("prompt", "")
if "SLEEP" in prompt:
    time.sleep(4)
if "BLOCK" in prompt:
    print({WORDS!r}, file=sys.stderr)
    sys.exit(2)
if "HALT" in prompt:
    print(json.dumps({{"continue": False, "stopReason": {WORDS!r}}}))
"""


def prepare(home: Path, kind: str) -> None:
    """Put the hook above into a CLI's home, trusted, as the person would, and allow to sleep."""
    script = home / "policy.py"
    script.write_text(HOOK, "utf8")
    hook = {"type": "command", "command": f"{sys.executable} -I -S {script}", "timeout": 30}
    path = home / ("settings.json" if kind == "claude" else "hooks.json")
    settings = json.loads(path.read_text("utf8")) if path.exists() else {}
    groups = settings.setdefault("hooks", {}).setdefault("UserPromptSubmit", [])
    groups.append({"hooks": [hook]})
    if kind == "claude":
        settings["permissions"]["allow"] = ["Bash(sleep:*)"]
    path.write_text(json.dumps(settings), "utf8")
    if kind == "codex":
        key = f"{path}:{snake('UserPromptSubmit')}:{len(groups) - 1}:0"
        trust = trusted_hash("UserPromptSubmit", groups[-1], hook)
        with (home / "config.toml").open("a", encoding="utf8") as config:
            config.write(f"\n[hooks.state.{json.dumps(key)}]\ntrusted_hash = {json.dumps(trust)}\n")


@pytest.fixture(params=WAYS)
def hooks(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "with our hooks")


class Killer:
    """Kills the tmux server, and with it the CLI, right after Enter: as soon as our hook told of the prompt, or at once
    where there is none."""

    def __init__(self, hooks: bool) -> None:
        self.hooks = hooks
        self.real: RealProduct | None = None
        self.reached: dict[tuple[str, str], float] = {}
        self._killing: asyncio.Task[None] | None = None

    def seconds(self, delivery_id: str) -> float:
        """From Enter to proof."""
        return self.reached["after_evidence", delivery_id] - self.reached["after_enter", delivery_id]

    def at(self, point: str, delivery_id: str) -> None:
        self.reached[point, delivery_id] = time.monotonic()
        if point == "after_enter" and self.real is not None:
            self._killing = asyncio.create_task(self._kill(self.real, delivery_id))

    async def _kill(self, real: RealProduct, delivery_id: str) -> None:
        services = real.p.app.services
        agent = await services.registry.get(real.agent)
        told = services.hooks.prompts
        if self.hooks:
            await until(lambda: any(delivery_id in one.text for one in told(agent.id, agent.created_at)), "our hook")
        os.kill(int(real.tmux("display-message", "-p", "#{pid}")), signal.SIGKILL)


@pytest.fixture
def killer(hooks: bool) -> Killer:
    return Killer(hooks)


@pytest.fixture
async def real(kind: str, hooks: bool, killer: Killer) -> AsyncIterator[RealProduct]:
    with tempfile.TemporaryDirectory(prefix="maf-p", dir="/tmp", ignore_cleanup_errors=True) as folder:
        async with real_product(Path(folder), kind, hooks=hooks, prepare=prepare, checkpoint=killer.at) as made:
            yield made


async def delivered(real: RealProduct, text: str) -> Delivery:
    told = await real.prompt(text)
    return await real.p.app.services.deliveries.get(str(told["delivery"]))


async def empty_composer(real: RealProduct) -> None:
    """As the person at the terminal would."""
    await real.becomes(State.COMPOSING, State.IDLE)
    if real.state is State.COMPOSING:
        await real.keys("C-c")  # Claude: all of it
    await real.becomes(State.IDLE)


def at_model(real: RealProduct) -> list[str]:
    return [normal(text) for text in real.models.prompts()]


@pytest.mark.timeout(900)
async def test_plain_prompts_are_proven_and_blocked_ones_have_failed(
    real: RealProduct, hooks: bool, killer: Killer
) -> None:
    plain, seconds = [], []
    for number in range(ROUNDS):
        done = await delivered(real, f"plain {number}")
        assert done.status in ("submitted", "started"), (done, real.screen)
        assert done.evidence is not None
        assert done.evidence.kind == ("rollout" if real.kind == "codex" else "transcript")
        plain.append(normal(done.text))
        seconds.append(killer.seconds(done.id))
        await real.becomes(State.IDLE)
        for word in ("BLOCK", "HALT") if number == 0 else ("BLOCK",):
            blocked = await delivered(real, f"{word} {number}")
            assert blocked.status == "failed", (blocked, real.screen)
            assert WORDS in blocked.reason, blocked
            await empty_composer(real)
    # A prompt that was halted Claude keeps in the conversation, so that it comes along with the next one.
    await until(lambda: [t for t in at_model(real) if t.startswith("plain")] == plain, "the plain ones at the model")
    assert not any("BLOCK" in text for text in at_model(real))
    print(f"{real.kind}, hooks {hooks}: Enter to proof p50 {statistics.median(seconds):.2f} s of {len(seconds)}")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("hooks", SHORT, indirect=True)
async def test_killed_prompts_are_never_told_as_submitted(real: RealProduct, killer: Killer) -> None:
    for number in range(KILLS):
        killer.real = real
        # The person's own hook takes its time, so that the CLI records nothing before it ends.
        done = await delivered(real, f"SLEEP {number}")
        killer.real = None
        assert done.status == "unconfirmed", (done, real.screen)
        assert done.evidence is None
        await real.p.app.call("agent.restart", {"id": real.agent})
        await real.becomes(State.IDLE)
    assert at_model(real) == []


@pytest.mark.parametrize("hooks", SHORT, indirect=True)
async def test_a_prompt_given_while_a_tool_runs_is_proven_when_the_turn_takes_it(real: RealProduct) -> None:
    call = {"codex": 'exec_command {"cmd": "sleep 6"}', "claude": 'Bash {"command": "sleep 6", "description": "wait"}'}
    await delivered(real, f"TOOL {call[real.kind]}")
    await real.becomes(State.WORKING)
    await until(lambda: "sleep 6" in real.screen, "the tool")
    steer = {"id": real.agent, "text": "steer plain", "now": True, "wait": 1.0}
    told = dict(await real.p.app.call("agent.send", steer))
    assert told["status"] in ("typed", "submitted", "started"), (told, real.screen)
    done = await real.p.app.services.deliveries.wait(str(told["delivery"]), 30)
    assert done.status in ("submitted", "started"), (done, real.screen)
    assert done.evidence is not None
    await real.becomes(State.IDLE)
    assert real.models.count(done.id) == 1


@pytest.mark.parametrize("hooks", WAYS[1:], indirect=True)
async def test_a_prompt_that_a_person_stops_is_not_sent_again(real: RealProduct) -> None:
    """Its hook is slow and nothing is on record yet; Claude puts the text back into its composer then."""
    sending = asyncio.create_task(delivered(real, "SLEEP and be stopped"))
    await real.becomes(State.WORKING)
    await real.keys("Escape")
    done = await sending
    if done.status != "unconfirmed":  # on a busy machine the hook was over before the key
        assert (done.status, len(at_model(real))) == ("started", 1), (done, real.screen)
        return
    assert done.evidence is None
    assert "stopped" in done.reason, done
    assert at_model(real) == []


@pytest.mark.parametrize("below", ["emoji 🧪 dir", f"{'a' * 100}/{'b_c' * 45}🧪/x"], ids=["emoji", "long"])
async def test_a_first_prompt_is_proven_whatever_the_folder_is_called(below: str) -> None:
    """Claude names the folder of its transcripts after it; with the project the long one is past 233 characters."""
    with tempfile.TemporaryDirectory(prefix="maf-p", dir="/tmp", ignore_cleanup_errors=True) as folder:
        async with real_product(Path(folder), "claude", hooks=False, below=below) as real:
            done = await delivered(real, "hello")
            assert done.status in ("submitted", "started"), (done, real.screen)
