"""Opens what commands begin with: the store for those that only read it, the topics on Kafka."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.config import Settings
    from streams.stores.sqlite import SqliteStore


def open_store(folder: Path) -> SqliteStore:
    """Open the store of a folder, which a monitor may be writing to.

    Raises
    ------
    SettingError
        There is none, or it cannot be read.
    """
    # Imported here: --help can do without.
    from processors.errors import SettingError
    from streams.stores.sqlite import SqliteStore

    path = folder / "vitals.sqlite"
    if not path.is_file():
        raise SettingError("--data", f"there is no store in {folder}; vitals run makes one")
    return SqliteStore(path)


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
