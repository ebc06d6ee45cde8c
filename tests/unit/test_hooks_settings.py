"""Our hooks in somebody's settings: in, out, and nothing of theirs changed."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clis.hooks import (
    EVENTS,
    SETTINGS_FILE,
    install,
    installed,
    is_ours,
    read_settings,
    remove,
    trust_of,
    with_hooks,
    with_trust,
    without_hooks,
    without_trust,
    would_write,
)
from bot.errors import Refused

MAF = "/opt/maf bin/maf"
THEIR_HOOK = {"type": "command", "command": "say done"}
THEIRS = st.fixed_dictionaries(
    {"theme": st.just("dark")},
    optional={
        "hooks": st.dictionaries(
            st.sampled_from(["Stop", "PreToolUse", "PermissionRequest"]),
            st.lists(
                st.fixed_dictionaries(
                    {"hooks": st.lists(st.just(THEIR_HOOK), min_size=1, max_size=2)},
                    optional={"matcher": st.just("Bash")},
                ),
                min_size=1,
                max_size=2,
            ),
            min_size=1,
        )
    },
)


@given(THEIRS, st.sampled_from(["claude", "codex"]))
def test_out_again_is_as_it_was(theirs: dict[str, object], kind: str) -> None:
    added = with_hooks(theirs, kind, "'/opt/maf bin/maf' hook")
    assert without_hooks(added) == theirs
    assert with_hooks(added, kind, "'/opt/maf bin/maf' hook") == added


@pytest.mark.parametrize("kind", ["claude", "codex"])
def test_it_is_known_before_whether_anything_is_written(tmp_path: Path, kind: str) -> None:
    def texts() -> dict[str, str]:
        return {file.name: file.read_text() for file in tmp_path.iterdir()}

    assert would_write(tmp_path, kind, MAF) and texts() == {}
    install(tmp_path, kind, MAF)
    assert not would_write(tmp_path, kind, MAF)
    for file, text in texts().items():
        (tmp_path / file).write_text(text.replace("maf", "faf").replace("sha256", "md5"))
        before = texts()
        assert would_write(tmp_path, kind, MAF) and texts() == before
        install(tmp_path, kind, MAF)
        assert not would_write(tmp_path, kind, MAF) and texts() != before


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("/usr/bin/maf hook", True),
        ("'/opt/maf bin/maf' hook statusline", True),
        ("maf hook", True),
        ("/usr/bin/mafia hook", False),
        ("/usr/bin/maf quota line", False),
        ("'unclosed", False),
        (None, False),
    ],
)
def test_ours_is_told_from_theirs(command: object, answer: bool) -> None:
    assert is_ours(command) is answer


def test_a_home_of_somebody_gets_our_hooks_and_its_statusline_back(tmp_path: Path) -> None:
    settings = tmp_path / "settings.json"
    theirs = {"statusLine": {"type": "command", "command": "my-line"}, "hooks": {"Stop": [{"hooks": [THEIR_HOOK]}]}}
    settings.write_text(json.dumps(theirs))
    state = install(tmp_path, "claude", MAF)
    assert set(state.events) == set(EVENTS["claude"])
    assert state.statusline
    assert read_settings(settings)["hooks"]["Stop"][0] == {"hooks": [THEIR_HOOK]}
    install(tmp_path, "claude", MAF)
    assert not remove(tmp_path, "claude").any
    assert settings.read_text() == json.dumps(theirs)
    assert [file.name for file in tmp_path.iterdir()] == ["settings.json"]


def test_a_statusline_that_cannot_be_put_back_is_kept_for_the_next_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "settings.json"
    theirs = {"statusLine": {"type": "command", "command": "my-line"}}
    settings.write_text(json.dumps(theirs))
    install(tmp_path, "claude", MAF)

    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(Path, "replace", no_room)
        with pytest.raises(OSError, match="No space left"):
            remove(tmp_path, "claude")
    assert not remove(tmp_path, "claude").any
    assert settings.read_text() == json.dumps(theirs)
    assert [file.name for file in tmp_path.iterdir()] == ["settings.json"]


WRITTEN = [
    '{\n    "model": "opus",\n\t"hooks": {}\n}',
    '{"statusLine":{"type":"command","command":"my-line","padding":0},"theme":"dark"}\n\n',
    '{\r\n  "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "say done"}]}]}\r\n}\r\n',
    "{}",
    '{"hooks": {"Stop": [], "Notification": []}}',
    '{"statusLine": null, "hooks": {}}',
    '{"statusLine": "no command", "model": "opus"}',
    '{"name": "\\ud800"}',  # half a character: no UTF-8 can hold it but as it is written here
]


@pytest.mark.parametrize("text", WRITTEN)
@pytest.mark.parametrize("kind", ["claude", "codex"])
def test_out_again_it_is_the_persons_own_text_to_the_letter(tmp_path: Path, text: str, kind: str) -> None:
    path = tmp_path / SETTINGS_FILE[kind]
    path.write_bytes(text.encode())
    path.chmod(0o644)
    install(tmp_path, kind, MAF)
    assert installed(tmp_path, kind).any
    install(tmp_path, kind, "/elsewhere/maf")
    remove(tmp_path, kind)
    assert path.read_bytes() == text.encode()
    assert path.stat().st_mode & 0o777 == 0o644
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_what_the_person_changed_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"theme": "dark"}')
    install(tmp_path, "claude", MAF)
    path.write_text(json.dumps({**read_settings(path), "theme": "light", "model": "opus"}))
    remove(tmp_path, "claude")
    assert read_settings(path) == {"theme": "light", "model": "opus"}
    assert [file.name for file in tmp_path.iterdir()] == ["settings.json"]


def test_settings_that_are_a_link_stay_one(tmp_path: Path) -> None:
    """Many keep them in a repository of their own."""
    (tmp_path / "dotfiles").mkdir()
    kept = tmp_path / "dotfiles" / "claude.json"
    kept.write_text('{"theme": "dark"}')
    (tmp_path / "home").mkdir()
    path = tmp_path / "home" / "settings.json"
    path.symlink_to(kept)
    install(tmp_path / "home", "claude", MAF)
    assert path.is_symlink()
    assert "PermissionRequest" in read_settings(kept)["hooks"]
    remove(tmp_path / "home", "claude")
    assert path.is_symlink()
    assert kept.read_text() == '{"theme": "dark"}'


def test_codex_gets_its_trust_and_loses_it_again(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('model = "gpt-5.2-codex"\n\n[projects."/srv/shop"]\ntrust_level = "trusted"\n')
    before = config.read_text()
    install(tmp_path, "codex", MAF)
    path = tmp_path / "hooks.json"
    for key, value in trust_of(read_settings(path), path).items():
        assert f'[hooks.state."{key}"]\ntrusted_hash = "{value}"' in config.read_text()
    once = config.read_text()
    install(tmp_path, "codex", MAF)
    assert config.read_text() == once
    remove(tmp_path, "codex")
    assert config.read_text() == before
    assert not path.exists()  # it was not there before
    assert [file.name for file in tmp_path.iterdir()] == ["config.toml"]
    assert not installed(tmp_path, "codex").any


def test_trust_of_others_stays() -> None:
    config = '[hooks.state."/a/hooks.json:stop:0:0"]\ntrusted_hash = "sha256:1"\n\n[tui]\nx = 1\n'
    ours = with_trust(config, {"/a/hooks.json:stop:1:0": "sha256:2"}, Path("/a/hooks.json"))
    assert without_trust(ours, {"/a/hooks.json:stop:1:0"}).strip() == config.strip()


def test_settings_that_are_broken_are_left_alone(tmp_path: Path) -> None:
    settings = tmp_path / "settings.json"
    settings.write_text("{broken")
    with pytest.raises(Refused, match="cannot be read"):
        install(tmp_path, "claude", MAF)
    assert settings.read_text() == "{broken"


@pytest.mark.parametrize("text", ['{"n": 1e400}', '{"n": NaN}', '{"n": ' + "[" * 9999 + "]" * 9999 + "}"])
@pytest.mark.parametrize("kind", ["claude", "codex"])
def test_what_we_could_not_write_again_is_left_alone(tmp_path: Path, kind: str, text: str) -> None:
    path = tmp_path / SETTINGS_FILE[kind]
    path.write_text(text)
    with pytest.raises(Refused, match="cannot be read"):
        install(tmp_path, kind, MAF)
    assert path.read_text() == text
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("hooks", ["null", "[]", '"no"', '{"Stop": {"hooks": []}}', '{"Stop": null}'])
@pytest.mark.parametrize("kind", ["claude", "codex"])
def test_hooks_of_another_shape_are_refused_and_left_alone(tmp_path: Path, kind: str, hooks: str) -> None:
    path = tmp_path / SETTINGS_FILE[kind]
    path.write_text(f'{{"hooks": {hooks}}}')
    with pytest.raises(Refused, match='"hooks"'):
        install(tmp_path, kind, MAF)
    assert path.read_text() == f'{{"hooks": {hooks}}}'
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("config", [b"model = ", b"\xff\xfe"])
def test_a_config_that_is_broken_gets_no_hooks_either(tmp_path: Path, config: bytes) -> None:
    (tmp_path / "config.toml").write_bytes(config)
    with pytest.raises(Refused, match="cannot be read"):
        install(tmp_path, "codex", MAF)
    assert [file.name for file in tmp_path.iterdir()] == ["config.toml"]
