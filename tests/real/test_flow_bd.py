"""Applying a draft with a real Beads database: claims are written, given back, and closed with the beads."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bot.beads.sample import sample_lines
from bot.settings import tool_environment
from tests.flow.product import Product, button, product, until
from tests.patience import PATIENCE_S
from tests.real.installed import need, real_path


def bd(folder: Path, *args: str) -> Any:
    """What the real bd answers."""
    done = subprocess.run(
        [need("bd"), "--json", "--actor", "ann", *args],
        cwd=folder, env=tool_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"bd {args}: {done.stdout}{done.stderr}"
    return json.loads(done.stdout) if done.stdout.strip().startswith(("[", "{")) else None


def holders(folder: Path) -> dict[str, str]:
    """Who has which bead in progress, as Beads say."""
    found = bd(folder, "list", "--status", "in_progress", "--limit", "0") or []
    return {bead["id"]: bead.get("assignee", "") for bead in found}


def make_beads(folder: Path) -> None:
    subprocess.run(["git", "init", "-q", str(folder)], check=True, timeout=PATIENCE_S)
    bd(folder, "init", "--prefix", "shop", "--non-interactive", "--skip-agents", "--skip-hooks")
    (folder / "sample.jsonl").write_text("\n".join(sample_lines()) + "\n", encoding="utf-8")
    bd(folder, "import", str(folder / "sample.jsonl"))


async def ask(p: Product, agent: str) -> None:
    """A permission question opens in its pane."""
    pane = str((await p.app.services.registry.get(agent)).pane)
    await p.app.services.panes.keys(pane, "SHELL", literal=True)
    await p.app.services.panes.keys(pane, "Enter")

    def waits() -> bool:
        look = p.app.services.watch.last(agent)
        return look is not None and look.view.state == "waiting"

    await until(waits, what=f"a question of {agent}")


async def test_claims_are_written_given_back_and_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need("bd")
    monkeypatch.setenv("PATH", real_path())
    async with product(tmp_path, beads=False) as p:
        make_beads(p.project)
        draft = await p.draft()
        assert "read-only" not in draft["text"]
        assert holders(p.project) == {}, "a draft has no side effect"
        beads = {i["agent"]: i["bead"] for i in (await p.status())["items"]}
        await ask(p, "w2")
        await p.client.press(draft["message_id"], button(draft, "Send 3"))
        report = await p.becomes(draft["message_id"], lambda m: "1 failed" in m["text"])
        assert "2 of 3 taken" in report["text"]
        await until(lambda: holders(p.project) == {beads["w1"]: "w1", beads["w3"]: "w3"}, "claims as in the report")
        assert {c.bead for c in await p.app.services.claims.all_open()} == {beads["w1"], beads["w3"]}
        shown = bd(p.project, "show", beads["w2"])[0]
        assert (shown["status"], shown.get("assignee", "")) == ("open", "")
        bd(p.project, "close", beads["w1"], "--force")
        await p.app.services.apply.reconcile_claims()
        assert {c.bead for c in await p.app.services.claims.all_open()} == {beads["w3"]}


async def test_a_bead_that_was_taken_in_beads_meanwhile_is_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("bd")
    monkeypatch.setenv("PATH", real_path())
    async with product(tmp_path, agents=1, beads=False) as p:
        make_beads(p.project)
        draft = await p.draft()
        bead = (await p.status())["items"][0]["bead"]
        bd(p.project, "update", bead, "--claim")
        await p.client.press(draft["message_id"], button(draft, "Send 1"))
        await p.becomes(draft["message_id"], lambda m: f"{bead} went to ann" in m["text"])
        assert p.prompts("w1") == []
        assert holders(p.project) == {bead: "ann"}
        assert await p.app.services.claims.all_open() == []
