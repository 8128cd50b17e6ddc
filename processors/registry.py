"""Find all processors and put them into an order in which each follows what it consumes."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import entry_points
from typing import TypeVar

from processors.errors import ContractError
from processors.records import PRESENCE, FeatureSpec, FindingSpec, Processor, StreamSpec
from processors.signals import CONTROLS, SIGNAL_STREAMS, SIGNALS

P = TypeVar("P", bound=type)

_REGISTERED: dict[str, Callable[[], Processor]] = {}
_FOLDERS = ("processors.features", "processors.detectors")
ENTRY_POINT_GROUP = "vitals.processors"


def register(processor_class: P) -> P:
    """Make a processor class known; its default parameters are what the engine runs."""
    name = processor_class.name  # type: ignore[attr-defined]
    known = _REGISTERED.get(name)
    if known is not None and known is not processor_class:
        raise ContractError(f"two processors are named {name!r}")
    _REGISTERED[name] = processor_class
    return processor_class


@cache
def discover() -> tuple[Callable[[], Processor], ...]:
    """Import every module of the processor folders and of the entry points; give the classes."""
    for folder in _FOLDERS:
        package = importlib.import_module(folder)
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{folder}.{module.name}")
    for point in entry_points(group=ENTRY_POINT_GROUP):
        register(point.load())
    return tuple(_REGISTERED[name] for name in sorted(_REGISTERED))


def produced(processor: Processor, kind: type) -> tuple[str, ...]:
    """Name what a processor produces of one kind (`StreamSpec`, `FeatureSpec`, `FindingSpec`)."""
    return tuple(
        spec.code if isinstance(spec, FindingSpec) else spec.name
        for spec in processor.produces
        if isinstance(spec, kind)
    )


def order(processors: Iterable[Processor]) -> list[Processor]:
    """Sort processors so that each comes after the producers of what it consumes.

    Ties are by name, so the order does not depend on the order of discovery.

    Raises
    ------
    ContractError
        A consumed stream that nobody produces, a stream or finding with two producers, a waveform
        mixed with other streams, or a circle.
    """
    waiting = sorted(processors, key=lambda processor: processor.name)
    _check_single_producers(waiting)
    streams = {stream for p in waiting for stream in produced(p, StreamSpec)}
    known = {*SIGNAL_STREAMS, *CONTROLS, PRESENCE}
    for processor in waiting:
        for consumed in processor.consumes:
            if consumed not in streams | known:
                raise ContractError(
                    f"{processor.name} consumes {consumed!r}, which nobody produces"
                )
        waveforms = [
            name for name in processor.consumes if name in SIGNALS and SIGNALS[name].waveform
        ]
        if waveforms and len(processor.consumes) > 1:
            raise ContractError(f"{processor.name} mixes the waveform {waveforms[0]} with others")
    ordered: list[Processor] = []
    while waiting:
        ready = next((p for p in waiting if set(p.consumes) <= known), None)
        if ready is None:
            raise ContractError(f"a circle among {', '.join(p.name for p in waiting)}")
        waiting.remove(ready)
        ordered.append(ready)
        # A stream counts as known once all of its producers have run; there is only one.
        known.update(produced(ready, StreamSpec))
    return ordered


def _check_single_producers(processors: Iterable[Processor]) -> None:
    producers: dict[tuple[str, str], str] = {}
    for processor in processors:
        for kind in (StreamSpec, FeatureSpec, FindingSpec):
            for name in produced(processor, kind):
                other = producers.setdefault((kind.__name__, name), processor.name)
                if other != processor.name:
                    raise ContractError(f"{name!r} is produced by {other} and by {processor.name}")
