"""What tree-sitter-bash 0.25 and bash itself make of a command line: the simple commands in it, word by word."""

from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

PARSER = Parser(Language(tree_sitter_bash.language()))
_COMMANDS = {"command", "test_command", "declaration_command", "unset_command", "variable_assignment"}
# Prints what each command would get, and runs none: without PATH and builtins the shell hands all to its handler.
_BASH = r"""
PATH=/nowhere
exec 9>&1
command_not_found_handle() { /usr/bin/printf '%s\0' "$@" $'\1' >&9; }
enable -n $(enable -a | while read -r _ name; do [[ $name == @(builtin|enable|eval) ]] || echo "$name"; done)
eval -- "$LINE"
"""


def parsed(line: str) -> list[list[str]] | None:
    """The commands as tree-sitter reads them; None where it finds a fault."""
    root = PARSER.parse(line.encode()).root_node
    return None if root.has_error else [list(_words(node)) for node in _commands(root)]


def _commands(node: Node) -> Iterator[Node]:
    if node.type in _COMMANDS:
        yield node
        return
    for child in node.children:
        yield from _commands(child)


def _words(node: Node) -> Iterator[str]:
    if node.type == "test_command":  # `[ … ]`: an expression, whose words stand between its brackets
        yield from shlex.split((node.text or b"").decode())
        return
    if node.type == "variable_assignment":
        yield _value(node)
        return
    for child in node.children:
        if child.type not in {"file_redirect", "herestring_redirect", "comment"}:
            yield _value(child)


def _value(node: Node) -> str:
    """What a word means once its quotes are gone."""
    text = (node.text or b"").decode()
    if node.type == "raw_string":
        return text[1:-1]
    if node.type == "string":
        return re.sub(r'\\\n|\\(["\\$`])', lambda found: found[1] or "", text[1:-1])
    if node.type in {"concatenation", "variable_assignment"} or (node.type == "command_name" and node.children):
        # What stands between the parts of a concatenation belongs to none of them.
        parts, at = [], node.start_byte
        whole = node.text or b""
        for child in node.children:
            parts += [_plain(whole[at - node.start_byte : child.start_byte - node.start_byte].decode()), _value(child)]
            at = child.end_byte
        return "".join([*parts, _plain(whole[at - node.start_byte :].decode())])
    return _plain(text)


def _plain(text: str) -> str:
    return re.sub(r"\\\n|\\(.)", lambda found: found[1] or "", text)


def run_by_bash(line: str) -> list[list[str]]:
    """The commands that bash would start, with what it would hand to them, as far as each returns success."""
    with tempfile.TemporaryDirectory() as folder:
        ran = subprocess.run(
            ["bash", "--norc", "--noprofile", "-f", "-c", _BASH],
            env={"LINE": line},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
    commands = ran.stdout.decode(errors="surrogateescape").split("\1\0")
    return [command.split("\0")[:-1] for command in commands[:-1]]
