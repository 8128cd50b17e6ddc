"""Two runs on one folder would delete each other's waveforms."""

from __future__ import annotations

import pytest

from processors.errors import SettingError
from streams.stores.lock import FolderLock


def test_a_folder_is_had_by_one_run_and_by_the_next_when_that_has_ended(tmp_path):
    first = FolderLock(tmp_path / "data")
    with pytest.raises(SettingError, match="in use by another vitals run"):
        FolderLock(tmp_path / "data")
    first.release()
    FolderLock(tmp_path / "data").release()
