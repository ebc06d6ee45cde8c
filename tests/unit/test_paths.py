"""Do two globs touch the same files? In doubt they do."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.work.paths import MAX_SEGMENTS, overlap


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ("apps/site/**", "apps/site/cart.js", True),
        ("apps/site", "apps/site/cart.js", True),
        ("apps/site/", "./apps//site/cart.js", True),
        ("apps/site/**", "apps/api/**", False),
        ("apps/*.py", "apps/site/x.py", False),
        ("apps/*/x.py", "apps/site/x.py", True),
        ("**/x.py", "a/b/c/x.py", True),
        ("**/x.py", "a/b/c/y.py", True),  # y.py may be a folder
        ("src/[ab].py", "src/a.py", True),
        ("src/[ab].py", "src/c.py", False),
        ("a*.py", "*b.py", True),
        ("", "anything", True),
        ("apps/api/../site/cart.js", "apps/site/**", True),
        ("apps/api/../site/cart.js", "apps/api/**", False),
        ("src/**/../x.py", "src/x.py", True),
        ("../shared/x.py", "shared/x.py", True),
        ("/".join(["d"] * (MAX_SEGMENTS + 5)), "/".join(["d"] * (MAX_SEGMENTS + 1)), True),
    ],
)
def test_two_globs(ours: str, theirs: str, expected: bool) -> None:
    assert overlap([ours], [theirs]) is expected
    assert overlap([theirs], [ours]) is expected


NAMES = st.lists(st.sampled_from(["a", "b", "c.py", "..", "."]), min_size=1, max_size=8).map("/".join)


@given(path=NAMES, wild=st.sets(st.integers(0, 7)))
def test_a_glob_made_of_a_path_meets_it(path: str, wild: set[int]) -> None:
    """Whatever of its names is replaced by a star, but those that a .. takes back."""
    parts = path.split("/")
    glob = "/".join("*" if number in wild and part not in {"..", "."} else part for number, part in enumerate(parts))
    assert overlap([glob], [path]) and overlap([path], [glob])


@given(path=NAMES)
def test_a_path_meets_the_folder_above_it(path: str) -> None:
    assert overlap([str(PurePosixPath("x") / path / "y")], [str(PurePosixPath("x") / path)])
