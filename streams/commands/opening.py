"""Opens what commands begin with: stores for those that only read them, the topics on Kafka."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.config import Settings
    from streams.stores import Store
    from streams.stores.waveforms import Waveforms


def open_store(settings: Settings) -> Store:
    """Open the store that the settings name, which a monitor or a sink may be writing to.

    Raises
    ------
    SettingError
        There is none, or it cannot be read.
    StoreError
        PostgreSQL cannot be reached.
    """
    # Imported here: --help can do without.
    from processors.errors import SettingError
    from streams.stores.opening import is_there, open_stores

    if not is_there(settings):
        raise SettingError(
            "--data",
            f"there is no store in {settings.data} (vitals run makes one), and no influx_url and "
            "postgres_url are set",
        )
    return open_stores(settings)


@contextlib.contextmanager
def opened_waveforms(settings: Settings) -> Iterator[Waveforms]:
    """Give the waveforms below the data folder and, where settings name it, on a shelf.

    Raises
    ------
    SettingError
        A package is missing that the shelf needs.
    """
    from streams.packages import needed_by
    from streams.stores.waveforms import Folders
    from streams.stores.waveforms.archive import Archive

    here = Archive(Folders(settings.data))
    if not settings.waveforms:
        yield here
        return
    with needed_by("waveforms", "kafka,stores"):
        from streams.stores.waveforms.shelf import Shelf, ShelvedArchive
    with TemporaryDirectory(prefix="vitals-") as folder:
        yield ShelvedArchive(here, Shelf(settings.waveforms), Folders(Path(folder)))


def require_topics(settings: Settings) -> None:
    """See that the topics on Kafka are as they should be.

    Raises
    ------
    BusError
        Kafka cannot be reached, or a topic is missing or differs.
    """
    from streams.bus import BusError
    from streams.bus.admin import check_topics
    from streams.bus.topics import topics

    faults = check_topics(settings.kafka, topics(), settings.partitions)
    if faults:
        more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
        raise BusError(settings.kafka, f"{faults[0]}{more} (vitals doctor --create-topics)")
