"""The order of processors knows every stream of samples, and only those."""

from __future__ import annotations

import pytest

from processors.errors import ContractError
from processors.records import NOTHING, Batch, Outputs, ProducedSpec
from processors.registry import order
from processors.signals import SIGNAL_STREAMS
from processors.state import KeepsState


class Reader(KeepsState):
    """A processor that reads one stream."""

    produces: tuple[ProducedSpec, ...] = ()

    def __init__(self, stream: str) -> None:
        self.name = f"reads {stream}"
        self.consumes: tuple[str, ...] = (stream,)

    def process(self, batch: Batch) -> Outputs:
        return NOTHING


@pytest.mark.parametrize("stream", sorted(SIGNAL_STREAMS))
def test_every_variant_of_a_signal_may_be_consumed(stream: str) -> None:
    (reader,) = order([Reader(stream)])
    assert reader.consumes == (stream,)


@pytest.mark.parametrize("stream", ["body_temperature.continuous", "ecg.spot", "unheard_of"])
def test_a_variant_that_is_not_there_is_named_in_the_error(stream: str) -> None:
    with pytest.raises(ContractError, match=stream):
        order([Reader(stream)])
