import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def shared_data():
    folder = Path(os.environ.get("VITALS_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"the real recordings are not at {folder} (VITALS_SHARED names their folder)")
    return folder
