"""Packs: the shipped ones, the schema, older shapes, and what a wrong pack is told."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from bot import shipped
from bot.errors import NotFound, Refused, WrongUsage
from bot.home import Home
from bot.packs import Packs
from bot.packs.library import read_pack
from bot.packs.model import MAX_BYTES, PackError, parse
from bot.packs.schema import schema_text

PACKS = shipped.folder("prompt_packs")
CONTRACT_EXAMPLE = {
    "id": "shop-checkout",
    "title": "Checkout rewrite",
    "bead_prefixes": ["shop-"],
    "preamble": "…",
    "guardrails": ["…"],
    "commit_protocol": {"implementor": "…", "reviewer": "…"},
    "roles": {
        "implementor": {"labels": ["frontend"], "paths": ["apps/site/**"], "test_commands": ["npm test"], "extra": "…"},
        "reviewer": {"extra": "…"},
        "committer": {},
        "supervisor": {},
    },
    "agents": {"w2": {"labels": ["backend", "db"], "test_commands": ["pytest -q"]}},
}


@pytest.fixture
def packs(tmp_path: Path) -> Packs:
    return Packs(Home(tmp_path / ".maf"))


def test_the_schema_file_is_up_to_date() -> None:
    assert (PACKS / "schema.json").read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize("name", ["general", "review-heavy", "release", "TEMPLATE"])
def test_shipped_packs_fit_model_and_schema(name: str) -> None:
    path = PACKS / f"{name}.json"
    pack = read_pack(path)
    assert pack.id == name and pack.guardrails and set(pack.commit_protocol) == {"implementor", "reviewer", "committer"}
    jsonschema.validate(json.loads(path.read_text(encoding="utf-8")), json.loads(schema_text()))


def test_the_example_of_the_contract_loads() -> None:
    pack = parse(CONTRACT_EXAMPLE, source="x.json")
    assert pack.role_brief("implementor").test_commands == ["npm test"]
    assert pack.agent_brief("w2").labels == ["backend", "db"]
    assert pack.covers("shop-1") and not pack.covers("other-1")
    jsonschema.validate(CONTRACT_EXAMPLE, json.loads(schema_text()))


def test_older_field_names_load() -> None:
    pack = parse(
        {
            "id": "old",
            "title": "Old",
            "id_prefixes": ["road-jlh."],
            "base_prefix": "For the launch.",
            "supervisor": {"extra": "s"},
            "reviewer": {"extra": "r"},
            "implementor_1": {
                "label_preferences": ["site"],
                "reserve_paths_hint": "apps/site/**",
                "test_commands": ["t"],
            },
            "implementor_2": {"label_preferences": ["db"], "reserve_paths_hint": "a/**, b/**"},
            "guardrails": ["g"],
            "commit_protocol": {"implementors": "i", "reviewer": "r", "supervisor": "s"},
        },
        source="old.json",
    )
    assert pack.bead_prefixes == ["road-jlh."] and pack.preamble == "For the launch."
    assert pack.agent_brief("w1").labels == ["site"] and pack.agent_brief("w1").paths == ["apps/site/**"]
    assert pack.agent_brief("w2").paths == ["a/**", "b/**"]
    assert pack.commit_protocol["implementor"] == "i" and pack.role_brief("reviewer").extra == "r"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"title": None}, "title: "),
        ({"colour": "red"}, "colour: no such field"),
        ({"roles": {"boss": {}}}, "roles.boss: no such role; roles are implementor, reviewer, committer, supervisor"),
        ({"roles": {"reviewer": {"labels": ["a", 3]}}}, "roles.reviewer.labels[1]: "),
        ({"roles": []}, "roles: should be a valid dictionary"),
        ({"guardrails": "be good"}, "guardrails: should be a valid list"),
        ({"bead_prefixes": ["a b"]}, "bead_prefixes: 'a b' has a space in it"),
        ({"id": "../etc"}, "id: '../etc' is no id"),
        ({"guardrails": ["x" * 2000]}, "guardrails[0]: "),
    ],
)
def test_a_pack_that_does_not_fit_names_file_place_and_reason(change: dict[str, object], said: str) -> None:
    with pytest.raises(PackError) as caught:
        parse(CONTRACT_EXAMPLE | change, source="/p/x.json")
    assert caught.value.message.startswith("/p/x.json: ") and said in caught.value.message


def test_files_that_are_no_pack(tmp_path: Path) -> None:
    for content, said in [
        (b"[]", "a list"),
        (b'{"id": "x",\n oops}', "line 2, column 2"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b" " * (MAX_BYTES + 1), "at most"),
        (b"[" * 100_000, "nested too deeply"),
    ]:
        path = tmp_path / "x.json"
        path.write_bytes(content)
        with pytest.raises(PackError, match=r"x\.json: ") as caught:
            read_pack(path)
        assert said in caught.value.message
    with pytest.raises(PackError, match="cannot be read"):
        read_pack(tmp_path / "none.json")


def test_own_packs_win_and_broken_ones_are_listed(packs: Packs, tmp_path: Path) -> None:
    own = tmp_path / ".maf" / "packs"
    own.mkdir(parents=True)
    (own / "mine.json").write_text(json.dumps({"id": "general", "title": "Mine"}))
    (own / "broken.json").write_text("{")
    entries = {entry.id: entry for entry in packs.list()}
    assert set(entries) == {"general", "release", "review-heavy", "broken"}
    assert entries["general"].own and packs.get("general").title == "Mine"
    assert "line 1" in entries["broken"].problem
    with pytest.raises(PackError):
        packs.get("broken")
    with pytest.raises(NotFound, match="Did you mean general"):
        packs.get("genral")


def test_new_makes_a_pack_that_fits_and_never_overwrites(packs: Packs) -> None:
    path = packs.new("shop")
    assert read_pack(path).id == "shop" and packs.get("shop").title
    path.write_text(json.dumps({"id": "shop", "title": "Edited"}))
    with pytest.raises(Refused):
        packs.new("shop")
    assert packs.get("shop").title == "Edited"
    for bad in ("../x", "", "a b", "TEMPLATE", "schema"):
        with pytest.raises(WrongUsage):
            packs.new(bad)
