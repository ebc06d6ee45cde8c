r"""Kinds of arguments, by the letter that the grammars use: does a text fit? Pure.

Of the small languages among them (sed, awk, jq, printf) only what these expressions match is understood; it reads only.
"""

from __future__ import annotations

import re
from collections.abc import Callable


def _between(mark: str) -> str:
    """Match a regular expression and the delimiter after it. GNU and BSD programs disagree where one ends that has a
    delimiter in brackets: such a one does not match."""
    bracket = rf"\[\^?(?:\[:[a-z]+:\]|[^\[\]\\\n{mark}])++\]"
    return rf"(?:\\[^\n]|{bracket}|[^{mark}\\\[\n])*+{re.escape(mark)}"


def _replacing(mark: str) -> str:
    return rf"s{re.escape(mark)}{_between(mark)}(?:\\[^\n]|[^{mark}\\\n])*+{re.escape(mark)}[gpiI\d]*+"


_ADDRESS = rf"(?:\d++|\$|/{_between('/')}I?)"
_SED = re.compile(rf"(?:{_ADDRESS}(?:,\+?{_ADDRESS})?)?\s*+!?\s*+(?:[pdq=]|{'|'.join(map(_replacing, '/|#,'))})?")
_COMPARED = r'(?>NR|NF|FNR|\$\d+|\$NF)\s*+(?>[<>]=?|[=!]=)\s*+(?>\d+|"[^"\\\n]*")'
_TEST = rf"(?>{_COMPARED}|/{_between('/')})"
_ITEM = r'(?>\$\d+|\$NF|NR|NF|FNR|\d+|"(?>[^"\\\n]|\\[nt])*")'
_PRINT = rf"print(?:\s*+{_ITEM}(?>\s*,\s*{_ITEM}|\s*{_ITEM})*+)?"
_AWK = re.compile(rf"(?:{_TEST}(?>\s*(?:&&|\|\|)\s*{_TEST})*+)?\s*+(?:\{{\s*+{_PRINT}\s*+;?\s*+\}})?")
_JQ_MORE = re.compile(r"\b(?:import|include|env|input_filename|modulemeta|halt\w*)\b|\$ENV|\$__")
_LONGEST = 2_000  # characters of a script


def _matches(pattern: str) -> Callable[[str], bool]:
    whole = re.compile(pattern)
    return lambda text: whole.fullmatch(text) is not None


def _sed(script: str) -> bool:
    return len(script) <= _LONGEST and all(_SED.fullmatch(part.strip()) for part in re.split(r"[;\n]", script))


KINDS: dict[str, Callable[[str], bool]] = {
    "p": bool,  # a path
    "r": bool,  # a revision of git, or a path
    "t": lambda text: True,  # any text
    "n": _matches(r"[+-]?\d+(?:\.\d+)?[A-Za-z]{0,3}"),  # a number
    "w": _matches(r"[\w.,:%+@=-]*"),  # a word
    "c": _matches(r"[^/]{0,4}"),  # a few characters that separate fields
    "f": lambda text: "%G" not in text and "signature" not in text,  # a format of git that has no signature checked
    "S": _sed,
    "A": lambda text: len(text) <= _LONGEST and _AWK.fullmatch(text.strip()) is not None,
    "J": lambda text: len(text) <= _LONGEST and _JQ_MORE.search(text) is None,
    "F": _matches(r"(?:[^%]|%[-\d.]*s|%%)*"),  # a format of printf
    "D": _matches(r"\+.*"),  # a format of date
    "k": _matches(
        r"user\.(?:name|email)|(?:init|core|branch|pull|push|merge|rebase|remote)\.[\w.-]+"
    ),  # of git's settings
}
