from pathlib import Path

import pytest

from tests.needs import recordings


@pytest.fixture(scope="session")
def shared_data() -> Path:
    return recordings()
