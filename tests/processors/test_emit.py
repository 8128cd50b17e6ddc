import numpy as np

from processors.emit import event_blocks, finding_rows
from processors.kernels.finding import ONSET, POINT, put
from processors.records import Column, FindingSpec

SPECS = (
    FindingSpec("pause", (Column("seconds", "s"),), lasting=False),
    FindingSpec("asystole", (Column("seconds", "s"), Column("attached"))),
)


def test_no_rows_give_no_blocks():
    assert event_blocks(SPECS, finding_rows(0)) == ()


def test_rows_are_sorted_by_code_and_keep_their_order():
    rows = finding_rows(3)
    n = put(rows, 0, 1, 7, ONSET, 10, 11, 12, 0, 4.0, 4.0, 0.5, np.nan, np.nan)
    n = put(rows, n, 0, 3, POINT, 20, 20, 25, 0, 3.1, 3.1, np.nan, np.nan, np.nan)
    n = put(rows, n, 1, 2, ONSET, 30, 30, 31, 1, 5.0, 5.0, 1.0, np.nan, np.nan)
    pause, asystole = event_blocks(SPECS, rows[:n])
    assert (pause.code, asystole.code) == ("pause", "asystole")
    assert asystole.slots.tolist() == [7, 2]
    assert asystole.at_ns.tolist() == [11, 30]
    assert asystole.revision.tolist() == [0, 1]
    assert pause.evidence.shape == (1, 1)
    assert asystole.evidence.tolist() == [[4.0, 0.5], [5.0, 1.0]]
    assert pause.state.dtype == np.int8
    assert pause.slots.dtype == np.int32
