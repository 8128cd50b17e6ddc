"""The errors of Vitalstream: one root, a shallow tree, each with its fields.

::

    VitalsError
    |-- PlaceError                      what is wrong, and where
    |   |-- InputError (ValueError)     a file, line or message is not what it claims to be
    |   |   |-- WireError               bytes on the bus are damaged or of another version
    |   |   `-- SnapshotError           a snapshot is of another version (streams/snapshot)
    |   |-- StoreError (OSError)        a store cannot take or give (streams/stores)
    |   `-- BusError, LiveStateError (ConnectionError)  cannot be reached now (streams)
    |-- SettingError (ValueError)       a configuration value or command option
    |-- UnknownSignalError (LookupError)
    `-- ContractError (TypeError)       a processor, bridge or store breaks its contract
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class VitalsError(Exception):
    """Root of all errors raised on purpose; the text is one sentence for a person."""


class PlaceError(VitalsError):
    """Something is wrong at a place that has a name.

    Attributes
    ----------
    where
        File, ``file:line``, address or participant the fault is in.
    problem
        What was expected and what was found.
    """

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(where, problem)
        self.where = where
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}"


class InputError(PlaceError, ValueError):
    """Something read from outside is not what it claims to be."""


class WireError(InputError):
    """Bytes from the bus are damaged, cut short, of an unknown version or something else."""


class SettingError(VitalsError, ValueError):
    """A setting or option has a value that cannot be used.

    Attributes
    ----------
    setting
        Name of the setting as the user wrote it.
    problem
        What was expected and what was found.
    """

    def __init__(self, setting: str, problem: str) -> None:
        super().__init__(setting, problem)
        self.setting = setting
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.setting}: {self.problem}"


class UnknownSignalError(VitalsError, LookupError):
    """A name is not a signal of `SIGNALS`; the text names the nearest ones."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(name)
        self.name = name
        self.nearest = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)

    def __str__(self) -> str:
        hint = f"; did you mean {' or '.join(self.nearest)}?" if self.nearest else ""
        return f"{self.name!r} is not a signal{hint} (vitals signals lists them)"


class ContractError(VitalsError, TypeError):
    """A part of the system breaks the contract it declared; this is a defect, not bad data."""
