"""Agents where tmux is not installed: everything that does not need it goes on."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from bot.app import App
from bot.cli import main
from bot.errors import DependencyMissing
from bot.home import Home
from bot.settings import load_settings
from tests.flow.product import socket_of
from tests.private_tmux import end_server


async def test_agents_are_made_seen_and_deleted_but_not_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home")
    home.root.mkdir()
    settings = load_settings(home, tmux_socket=socket_of(tmp_path), project_root=tmp_path)
    try:
        async with App.open(home, settings) as app:
            for name in ("ran", "rests"):
                await app.call("agent.create", {"type": "demo", "id": name})
            await app.call("agent.stop", {"id": "rests"})
        (tmp_path / "bare").mkdir()
        with monkeypatch.context() as there:
            there.setenv("PATH", str(tmp_path / "bare"))
            async with App.open(home, settings) as app:
                made = await app.call("agent.create", {"type": "demo", "id": "fresh", "start": False})
                assert (made["id"], made["state"]) == ("fresh", "stopped")
                with pytest.raises(DependencyMissing, match="tmux is not installed"):
                    await app.call("agent.create", {"type": "demo", "id": "never"})
                states = {a["id"]: a["state"] for a in await app.call("agent.list", {})}
                assert states == {"ran": "unknown", "rests": "stopped", "fresh": "stopped"}
                assert "tmux is not installed" in (await app.call("agent.explain", {"id": "ran"}))["rule"]
                assert (await app.call("agent.delete", {"id": "fresh"}))["problems"] == []
                assert "tmux" in "".join((await app.call("agent.delete", {"id": "rests"}))["problems"])
                # Its session may run: it is not forgotten over a tmux that cannot be asked.
                with pytest.raises(DependencyMissing, match="tmux is not installed"):
                    await app.call("agent.delete", {"id": "ran"})
        async with App.open(home, settings) as app:
            assert [a["id"] for a in await app.call("agent.list", {})] == ["ran"]
            assert (await app.call("agent.delete", {"id": "ran"}))["deleted"]
    finally:
        end_server(settings.tmux_socket)


def test_the_demo_and_the_doctor_say_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)  # it looks at TMPDIR once
    assert main(["demo", "--home", str(tmp_path / ".maf")]) == 4
    assert "error: tmux is not installed.\nhint: Install tmux" in capsys.readouterr().err
    assert main(["doctor", "--full", "--json", "--home", str(tmp_path / ".maf")]) == 1
    delivery = json.loads(capsys.readouterr().out)["checks"][-1]
    assert (delivery["name"], delivery["status"], delivery["detail"]) == (
        "delivery", "failure", "tmux is not installed."
    )  # fmt: skip
    assert list(tmp_path.iterdir()) == []
