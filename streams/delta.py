"""What has changed between two states, so that who is silent costs a snapshot nothing.

States are plain, as those of `streams.snapshot`. Of an array only the rows that differ are kept, by
their bytes; of a map what differs by key; anything else is kept whole, or not at all where it is
the same. A node of a difference is one of

::

    [SAME]  [WHOLE, value]  [MAP, {key: node}]  [ROWS, n_rows, places, rows]
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from processors.state import take_records
from streams.snapshot import SnapshotError, pack_value, without_padding

SAME: Final = 0
WHOLE: Final = 1
MAP: Final = 2
ROWS: Final = 3
Node = list[Any]


def difference(before: Any, after: Any) -> Node:
    """Give what makes a state of another one.

    Parameters
    ----------
    before
        As it is read back from a snapshot.
    """
    if isinstance(before, dict) and isinstance(after, Mapping):
        nodes = {
            key: difference(before[key], value) if key in before else [WHOLE, value]
            for key, value in after.items()
        }
        same = list(before) == list(after) and all(node == [SAME] for node in nodes.values())
        return [SAME] if same else [MAP, nodes]
    if isinstance(after, np.ndarray):
        return _rows(before, after)
    return [SAME] if pack_value(before) == pack_value(after) else [WHOLE, after]


def patched(before: Any, node: Node) -> Any:
    """Give the state that a difference makes of another.

    Raises
    ------
    SnapshotError
        The difference is not one of this state.
    """
    try:
        return _patched(before, node)
    except (TypeError, KeyError, IndexError, ValueError, AttributeError) as error:
        raise SnapshotError("snapshot", f"does not fit what it stands on ({error!r})") from error


def changed_bytes(node: Node) -> int:
    """Give about how many bytes of arrays a difference holds."""
    if node[0] == MAP:
        return sum(changed_bytes(one) for one in node[1].values())
    if node[0] == ROWS:
        return int(node[2].nbytes + node[3].nbytes)
    return state_bytes(node[1]) if node[0] == WHOLE else 0


def state_bytes(state: Any) -> int:
    """Give about how many bytes of arrays a state holds."""
    if isinstance(state, Mapping):
        return sum(state_bytes(one) for one in state.values())
    if isinstance(state, (list, tuple)):
        return sum(state_bytes(one) for one in state)
    return int(state.nbytes) if isinstance(state, np.ndarray) else 0


def _rows(before: Any, after: NDArray[Any]) -> Node:
    if after.dtype.names:
        after = without_padding(after)
    fits = (
        isinstance(before, np.ndarray)
        and before.dtype == after.dtype
        and after.ndim > 0
        and before.shape[1:] == after.shape[1:]
        and after.size > 0
    )
    if not fits:
        return [SAME] if pack_value(before) == pack_value(after) else [WHOLE, after]
    n = min(len(before), len(after))
    differs = np.ones(len(after), bool)
    differs[:n] = (_bytes_of(before[:n]) != _bytes_of(after[:n])).any(axis=1)
    if len(before) == len(after) and not differs.any():
        return [SAME]
    places = np.flatnonzero(differs).astype(np.int32)
    rows = take_records(after, places) if after.dtype.names else after[places]
    return [ROWS, len(after), places, rows]


def _bytes_of(rows: NDArray[Any]) -> NDArray[np.uint8]:
    """Give the bytes of each row: uint8 ``[n, b]``."""
    flat = np.ascontiguousarray(rows)
    return flat.view(np.uint8).reshape(len(rows), -1) if flat.size else np.zeros((0, 0), np.uint8)


def _patched(before: Any, node: Node) -> Any:
    kind = node[0]
    if kind == SAME:
        return before
    if kind == WHOLE:
        return node[1]
    if kind == MAP:
        return {key: _patched(before.get(key), one) for key, one in node[1].items()}
    if kind != ROWS:
        raise ValueError(f"unknown node {kind!r}")
    _, n_rows, places, rows = node
    found = np.zeros((n_rows, *rows.shape[1:]), rows.dtype)
    n = min(n_rows, len(before))
    found[:n] = before[:n]
    found[places] = rows
    return found
