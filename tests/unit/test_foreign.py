"""JSON from outside, nested deeper than anybody would: said in words everywhere, an error of the program nowhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.agents.types import WrongTypes, load_types
from bot.beads.jsonl import find_jsonl
from bot.beads.locate import has_database
from bot.foreign import DEEPEST, read_json
from bot.home import Home
from bot.packs.library import read_pack
from bot.packs.model import PackError
from bot.profiles.config import AgentConfig, ConfigError, load
from bot.quota.mirror import write_state


def deep(levels: int) -> str:
    return "[" * levels + "]" * levels


def test_as_deep_as_is_read_and_no_deeper() -> None:
    assert read_json(deep(DEEPEST))
    for levels in (DEEPEST + 1, 900, 5_000, 1_000_000):
        with pytest.raises(ValueError, match="nested too deeply"):
            read_json(deep(levels))
        with pytest.raises(ValueError, match="nested too deeply"):
            read_json('{"a":' * levels + "1" + "}" * levels)


@pytest.mark.parametrize("levels", [150, 5_000])
def test_no_file_of_others_breaks_its_reader(tmp_path: Path, levels: int) -> None:
    file = tmp_path / "metadata.json"
    file.write_text(deep(levels))
    home = Home(tmp_path / ".maf")
    home.config.mkdir(parents=True)
    home.agent_types.write_text(deep(levels))
    refused: list[tuple[type[Exception], Callable[[], object]]] = [
        (ConfigError, lambda: load(AgentConfig, file)),
        (WrongTypes, lambda: load_types(home)),
        (PackError, lambda: read_pack(file)),
    ]
    for kind, read in refused:
        with pytest.raises(kind, match="nested too deeply"):
            read()
    assert find_jsonl(tmp_path) is None
    assert not has_database(tmp_path)
    assert write_state(file, [])
