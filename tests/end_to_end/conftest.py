"""Recordings for the commands, and the folder of the real ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.end_to_end.program import ROOT

SHARED = Path(os.environ.get("VITALS_SHARED", ROOT.parent / "shared")).resolve()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    if not (SHARED / "data").is_dir():
        pytest.skip(f"the real recordings are not at {SHARED} (VITALS_SHARED names their folder)")
    return SHARED / "data"
