"""What tests need from outside: real recordings, a browser. Missing, a test says so and is skipped.

With ``VITALS_REQUIRE_SERVERS=1``, as in continuous integration, it fails instead.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("VITALS_SHARED", ROOT.parent / "shared"))
CHROMIUM = Path(os.environ.get("VITALS_TEST_CHROMIUM", "/usr/bin/chromium"))


def missing(what: str) -> NoReturn:
    """Skip the test for want of something, or fail where everything has to be there."""
    if os.environ.get("VITALS_REQUIRE_SERVERS") == "1":
        pytest.fail(f"{what} (VITALS_REQUIRE_SERVERS=1)", pytrace=False)
    pytest.skip(what)


def recordings(name: str = "") -> Path:
    """Give the folder of real recordings, or one of its folders."""
    folder = SHARED / "data" / name
    if not folder.is_dir():
        missing(f"real recordings are not at {folder}; VITALS_SHARED names the folder above data")
    return folder


def chromium() -> str:
    """Give the path of the browser."""
    if not CHROMIUM.is_file():
        missing(f"no browser at {CHROMIUM}; VITALS_TEST_CHROMIUM names another")
    return str(CHROMIUM)


def reference_scorer() -> Path:
    """Make the reference scorer importable, which stands outside this project; give its folder."""
    folder = SHARED / "tools"
    if not (folder / "vitscore").is_dir():
        missing(f"the reference scorer is not at {folder}; VITALS_SHARED names the folder above")
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    return folder
