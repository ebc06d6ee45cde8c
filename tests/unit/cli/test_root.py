"""How `maf` starts, helps and fails."""

from __future__ import annotations

import errno
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from bot.cli import main, menu
from bot.remote import lock
from tests.patience import PATIENCE_S

HEAVY = ("aiogram", "sqlalchemy", "pydantic", "libtmux", "click", "asyncio", "aiohttp")


def loaded_by(*words: str) -> set[str]:
    """The modules that a run of maf imports."""
    code = "import sys; from bot.cli import main; main(sys.argv[1:]); print('\\n' + ' '.join(sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=PATIENCE_S, check=True
    )
    return set(ran.stdout.strip().splitlines()[-1].split())


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["hook"], ["quota", "line"]])
def test_what_must_be_instant_imports_nothing_heavy(words: list[str]) -> None:
    assert loaded_by(*words).isdisjoint(HEAVY)


def test_help_of_a_group_needs_neither_the_store_nor_telegram() -> None:
    assert loaded_by("agent", "--help").isdisjoint({"aiogram", "sqlalchemy", "pydantic", "asyncio"})


def test_a_command_that_acts_by_itself_does_not_import_telegram() -> None:
    code = "import sys; import bot.cli.local; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert "aiogram" not in ran.stdout.split()


@pytest.mark.parametrize("name", menu.COMMANDS)
def test_every_command_of_the_menu_exists_and_is_called_so(name: str) -> None:
    command = importlib.import_module(menu.COMMANDS[name][0]).command
    assert isinstance(command, click.Command)
    assert command.name == name
    assert f"  {name} " in menu.text()


@pytest.mark.parametrize("name", menu.COMMANDS)
def test_every_command_says_what_it_is_for(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    said = capsys.readouterr().out
    assert "--json" in said
    assert "--home" in said
    command = importlib.import_module(menu.COMMANDS[name][0]).command
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for inner in command.list_commands(ctx):
            found = command.get_command(ctx, inner)
            assert found is not None and found.name == inner
            assert found.help, f"{name} {inner} has no help"


@pytest.mark.parametrize(
    ("words", "error", "hint"),
    [
        (["agnet"], "No such command 'agnet'.", "maf agent"),
        (["agent", "snd"], "No such command 'snd'.", "maf agent send"),
        (["agent", "send", "w1"], "Give the text once", ""),
        (["agent", "send", "w1", "--text", "a", "-"], "Give the text once", ""),
        (["agent", "create"], "Missing argument 'TYPE'.", "maf agent create --help"),
        (["agent", "list", "--nope"], "No such option", "maf agent list --help"),
        (["agent", "explain"], "Give an agent, or --kind and --capture.", ""),
        (["--home", __file__, "agent", "list"], "is a file. Give the .maf folder.", ""),
        (["agent", "list", "--home", __file__], "is a file. Give the .maf folder.", "maf agent list --help"),
        (["pair", "--ttl", "soon"], "--ttl soon", ""),
        (["agent", "send", "w1", "--text", "a", "--wait", "soon"], "'soon' is no length of time", ""),
        (["agent", "send", "w1", "--text", "a", "--wait", "nan"], "'nan' is no length of time", ""),
        (["agent", "send", "w1", "--text", "a", "--wait", "2h"], "7200.0 is not in the range", ""),
        (["agent", "send", "w1", "--text", "\udcff"], "The text is not UTF-8 text (byte 0).", ""),
        (["logs", "rotate", "0", "0"], "MB is 1 or more.", ""),
        (["logs", "rotate", "5", "3", "--max-mb", "2"], "Give each number once", ""),
        (["review", "shop-1"], "No such command 'review'.", "See: maf --help"),
        (["agent", "capture", "w1", "--lines", "x"], "'x' is not a whole number.", ""),
        (["people", "role", "7"], "Choose from: owner, supervisor, operator, viewer", ""),
        (["pair", "--ttl", "30d"], "between 1s and 1d", ""),
        (["broadcast", "apply", ""], "Invalid value for 'D': it is empty.", "maf broadcast apply --help"),
        (["broadcast", "apply", "d1", "--item", " "], "Invalid value for '--item': it is empty.", ""),
        (["broadcast", "draft", "--only", ""], "Invalid value for '--only': it is empty.", ""),
        (["agent", "create", "demo", "--workdir="], "Invalid value for '--workdir': it is empty.", ""),
        (["agent", "create", "demo", "--label", "a", "--label", ""], "Invalid value for '--label': it is empty.", ""),
        (["quota", "profile", "add", "p1", "--path", ""], "Invalid value for '--path': it is empty.", ""),
        (["--home", "", "agent", "list"], "Invalid value for '--home': it is empty.", ""),
        (["agent", "list", "--home", "/dev/null"], "is a file. Give the .maf folder.", ""),
    ],
)
def test_wrong_usage(
    words: list[str], error: str, hint: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    home = ["--home", str(tmp_path / ".maf")]
    assert main([*home, *words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert error in said.err
    assert hint in said.err

    assert main([*home, *words, "--json"]) == 2
    said = capsys.readouterr()
    assert said.err == ""
    shape = json.loads(said.out)["error"]
    assert set(shape) == {"code", "message", "hint"}
    assert error in shape["message"]
    assert not (tmp_path / ".maf").exists()


def test_alone_it_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert menu.text().strip() in capsys.readouterr().err


BREAKS = """
import sys
from bot.cli import main, menu
from tests.patience import PATIENCE_S
import types
module = types.ModuleType("broken")
from bot.cli.command import command
@command("broken")
def broken(terminal):
    raise ZeroDivisionError("token 123456:ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef and mail-secret")
module.command = broken
sys.modules["broken"] = module
menu.COMMANDS["broken"] = ("broken", "")
sys.exit(main(["broken", *sys.argv[1:]]))
"""


def broken(*words: str, debug: bool = False) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/bin:/bin", **({"DEBUG_MODE": "1"} if debug else {})}
    command = [sys.executable, "-c", BREAKS, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=env)


def test_a_person_never_sees_a_traceback_and_the_log_has_it_without_the_token(tmp_path: Path) -> None:
    home = tmp_path / ".maf"
    home.mkdir(mode=0o700)
    (home / "maf.env").write_text("MAF_AGENT_MAIL_TOKEN=mail-secret\n")
    ran = broken("--home", str(home))
    assert ran.returncode == 1
    assert "Traceback" not in ran.stdout + ran.stderr
    assert ran.stderr.startswith(
        "error: Something went wrong inside maf (ZeroDivisionError).\nhint: The details are in "
    )
    log = (home / "logs" / "error.log").read_text()
    assert "ZeroDivisionError" in log
    assert "123456:" not in log and "mail-secret" not in log
    assert json.loads(broken("--home", str(home), "--json").stdout)["error"]["code"] == "internal"
    shown = broken("--home", str(home), debug=True).stderr
    assert "Traceback" in shown and "123456:" not in shown and "mail-secret" not in shown
    (home / "maf.env").write_text("DEBUG_MODE=true\n")
    assert "Traceback" in broken("--home", str(home)).stderr


def test_a_file_in_the_way_is_named_also_where_nothing_can_be_logged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / ".maf"
    home.mkdir()
    (home / "run").write_text("")
    (home / "logs").write_text("")
    assert main(["pair", "--home", str(home)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"error: {home / 'run'}")
    assert "Traceback" not in said


def test_a_home_that_is_anothers_is_named_with_what_to_look_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_args: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/somewhere/.maf/run/maf.lock")

    # Where the tests run as root, no file mode keeps them out.
    monkeypatch.setattr(lock, "hold", refuse)
    (tmp_path / ".maf").mkdir()
    assert main(["run", "--home", str(tmp_path / ".maf")]) == 1
    assert capsys.readouterr().err == (
        "error: /somewhere/.maf/run/maf.lock: Permission denied.\n"
        "hint: Check whose it is, and that you may read and write there. More: maf doctor\n"
    )


def test_a_reader_that_leaves_early_changes_no_exit_code(tmp_path: Path) -> None:
    code = "import sys; from bot.cli import main; sys.exit(main(sys.argv[1:]))"
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as closed:
        ran = subprocess.run(
            [sys.executable, "-c", code, "init", "--home", str(tmp_path / ".maf")],
            stdout=closed, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_a_terminal_with_few_characters_shows_what_it_can(encoding: str) -> None:
    code = (
        "from bot.cli.terminal import Terminal\n"
        "shown = {'text': 'fertig \U0001f7e2 f\\xfcr alle \\x1b[31m\\x9b2J'}\n"
        "Terminal().show(shown, shown['text'])\n"
        "Terminal(json=True).show(shown, '')\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONIOENCODING": encoding}, capture_output=True, timeout=PATIENCE_S, check=True,
    )  # fmt: skip
    first, _, rest = ran.stdout.decode(encoding).partition("\n")
    shown = "fertig 🟢 für alle ⟨U+001B⟩[31m⟨U+009B⟩2J"  # a title from outside does not recolour or clear the terminal
    assert first == shown.encode(encoding, "replace").decode(encoding)
    assert json.loads(rest) == {"text": "fertig 🟢 für alle \x1b[31m\x9b2J"}


def test_a_reader_that_leaves_early_sees_no_traceback() -> None:
    code = "import sys; from bot.cli import main; sys.exit(main(['agent', '--help']))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
