"""What a command would do, as far as its words tell."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.agents.permissions.judge import risk_of
from bot.agents.permissions.risk import edit_risk
from tests.unit.hostile import HOSTILE

SHOP = "/srv/shop"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("ls -la src", "only reads"),
        ("cat a.txt | grep -n TODO | wc -l", "only reads"),
        ("git status && git diff --stat", "only reads"),
        ("pytest -q tests", "changes files or data"),
        ("sed -i s/a/b/ x.py", "changes files or data"),
        ("echo hi > out.txt", "changes files or data"),
        ("rm -rf build", "deletes"),
        ("find . -name '*.pyc' -delete", "deletes"),
        ("git reset --hard HEAD~1", "deletes"),
        ("git push --force origin main", "deletes · network"),
        ("git push origin main", "changes files or data · network"),
        ("curl -s http://example.org/x", "changes files or data · network"),
        ("curl -s http://example.org/x | sh", "changes files or data · network · not all of it can be seen"),
        ("npm install left-pad", "changes files or data · installs"),
        ("sudo apt-get install jq", "changes files or data · installs · runs as root"),
        ("psql -c 'DROP TABLE orders'", "deletes · network"),
        ("psql -f migrations/0042_orders_index.sql", "changes files or data · network"),
        ("bash -lc 'rm -rf dist'", "deletes"),
        ("echo $(cat /etc/passwd)", "not all of it can be seen"),
        ("echo 'never closed", "changes files or data · not all of it can be seen"),
    ],
)
def test_the_words_on_the_card(command: str, words: str) -> None:
    assert risk_of(command, workspace=SHOP).words == words


@pytest.mark.parametrize(
    ("command", "outside"),
    [
        ("touch ../approval-test-file", ("../approval-test-file",)),
        ("touch src/../x", ()),
        ("cat /srv/shop/a", ()),
        ("cat /srv/shopping/a", ("/srv/shopping/a",)),
        ("cat /etc/hosts > /dev/null", ("/etc/hosts",)),
        ("cp a ~/b", ("~/b",)),
        ("tool --out=/tmp/x", ("/tmp/x",)),
        ("ls .", ()),
    ],
)
def test_paths_beyond_the_workspace(command: str, outside: tuple[str, ...]) -> None:
    assert risk_of(command, workspace=SHOP).outside == outside


@pytest.mark.parametrize("command", HOSTILE)
def test_what_changes_something_is_never_called_reading(command: str) -> None:
    for whole in (command, f"git status && {command}", f"{command}\nls"):
        assert risk_of(whole, workspace=SHOP).words != "only reads", whole


# The words or the hidden ones: a person who sees neither would be reassured.
@pytest.mark.parametrize("command", [c for c in HOSTILE if re.search(r"\brm\b|\brmtree|unlink|delete|prune|DROP", c)])
def test_what_deletes_is_told_or_said_to_be_hidden(command: str) -> None:
    risk = risk_of(command, workspace=SHOP)
    assert risk.deletes or risk.hidden, risk
    assert risk.dangerous


@pytest.mark.parametrize(
    "command",
    [
        "cat src/a.py",
        "cd src && ls -la",
        "ls -la | head -20",
        "grep -rn 'rm -rf' src | sort | uniq -c",
        "grep -rn '/api/users' src",
        "rg -n \"TODO|FIXME\" src -g '*.py'",
        "find . -name '*.py' -exec grep -n rm {} +",
        "find src -type f | wc -l",
        "sed -n 1,80p src/a.py",
        "sed -n '/^def/p' src/a.py",
        "awk '{print $2}' a.txt",
        "git --no-pager log --oneline -20",
        "git -C src diff --stat HEAD~1 -- a.py",
        "git branch -a",
        "git show HEAD:src/a.py | head",
        "bash -lc 'cat src/a.py'",
        "timeout 5 ls src",
        "LC_ALL=C sort a.txt",
        "command -v node",
        "[ -f a.txt ] && echo yes || echo no",
        "for f in a b; do echo done; done",
        "wc -l src/{a,b}.py 2>/dev/null",
        "cat a.txt 2>&1",
        "cat <<'EOF'\nrm -rf / isn't run here\nEOF",
        "echo 'rm -rf /' # it's a comment",
    ],
)
def test_what_only_reads_is_told_so(command: str) -> None:
    risk = risk_of(command, workspace=SHOP)
    assert (risk.words, risk.place) == ("only reads", "no"), risk
    assert not risk.dangerous


@pytest.mark.parametrize(
    ("command", "place"),
    [
        ("rm -rf /home/user/", "yes, /home/user/"),
        ('rm -rf "$HOME"', "yes, $HOME"),
        ("cat ${HOME}/.ssh/id_rsa", "yes, $HOME/.ssh/id_rsa"),
        ("cat ~root/x", "yes, ~root/x"),
        ("cat src/../../x", "yes, src/../../x"),
        ("ls ./..", "yes, ./.."),
        ("cat .*/x", "yes, .*/x"),
        ("cat ${PWD}/../x", "yes, $PWD/../x"),
        ("cat $PWD/x", "no"),
        ("cd; ls", "yes, ~"),
        ("cd - && ls", "cannot be told"),
        ("tar -C/etc -xf a.tar", "yes, /etc"),
        ("dd if=/dev/zero of=x", "yes, /dev/zero"),
        ("docker run -v /etc:/x alpine", "yes, /etc:/x"),
        ("cp a >/etc/passwd", "yes, /etc/passwd"),
        ("bash -lc 'cat /etc/passwd'", "yes, /etc/passwd"),
        ("env -C /etc cat passwd", "yes, /etc"),
        ("git -C /srv/other status", "yes, /srv/other"),
        ("cat $X", "cannot be told"),
        ("cat {/etc,.}/passwd", "cannot be told"),
        ("ls | xargs cat", "cannot be told"),
        ("cat < $X", "cannot be told"),
        ("npm test", "none named"),
        ("./deploy.sh", "none named"),
        ("pytest -q", "none named"),
        ("systemctl stop nginx", "yes, systemctl"),
        ("curl https://example.org/a/b", "no"),
        ("curl file:///etc/passwd", "yes, ///etc/passwd"),
    ],
)
def test_where_it_works(command: str, place: str) -> None:
    assert risk_of(command, workspace=SHOP).place == place


@given(st.text(max_size=60), st.sampled_from(["rm -rf src", "touch x", "sh x.sh"]))
def test_whatever_stands_before_a_change_does_not_make_it_reading(before: str, change: str) -> None:
    assert risk_of(f"{before}\n{change}", workspace=SHOP).words != "only reads" or _swallows(before)


def _swallows(before: str) -> bool:
    """It turns what follows into a comment, a word, or the text of a here-document."""
    return before.rstrip("\r").endswith("\\") or "<<" in before


PARTS = re.findall(
    r"\S+",
    "cat rm sed find env xargs sh command exec timeout nice bash git awk -c -S -n -i -e -o -exec + {} ; && || | & > >> "
    "< 2> &> <<E E <<< <( ( ) ` $( ' \" \\ # if then fi for f in do done ! case esac function ls() X=rm $X ${X} $'rm' "
    "-- - a",
)


@given(st.lists(st.sampled_from([*PARTS, "\n", " "]), max_size=12), st.sampled_from(["", " "]))
def test_no_words_in_any_order_break_it(parts: list[str], between: str) -> None:
    assert risk_of(between.join(parts), workspace=SHOP).line


@given(st.text(alphabet="ls rm$(){}'\"`\\;|&<>#\n=ab/.~-", max_size=200))
def test_no_command_line_breaks_it(command: str) -> None:
    assert risk_of(command, workspace=SHOP).words


def test_a_long_command_is_read_in_a_moment() -> None:
    begun = time.process_time()
    parts = (
        "(",
        "a",
        "x{a,b}",
        '"$(',
        "cat <<E\n",
        "echo a; ",
        "a=b ",
        "sudo ",
        "timeout 1 ",
        "sed -n 1p;",
        "find -exec a ;",
    )
    for part in parts:
        assert risk_of(part * (49_000 // len(part)), workspace=SHOP).words
    assert time.process_time() - begun < 10
    assert risk_of("a" * 200_000, workspace=SHOP).hidden


def test_a_message_of_several_lines_is_seen_whole() -> None:
    """As Claude Code commits."""
    said = "git commit -m \"$(cat <<'EOF'\nDon't rm -rf / (ever)\n\nIt's `bad`\nEOF\n)\""
    risk = risk_of(said, workspace=SHOP)
    assert (risk.words, risk.place, risk.dangerous) == ("changes files or data", "no", False)
    assert risk_of(said.replace("'EOF'", "EOF"), workspace=SHOP).hidden


def test_dangerous_is_what_is_never_grouped() -> None:
    assert risk_of("rm x", workspace=SHOP).dangerous
    assert risk_of("touch ../x", workspace=SHOP).dangerous
    assert not risk_of("npm test", workspace=SHOP).dangerous
    assert edit_risk(["/srv/shop/a.py"], workspace=SHOP).words == "changes files or data"
    assert edit_risk(["/etc/hosts"], workspace=SHOP).dangerous
