"""How kernels are compiled: three decorators for all of them.

Differs from ``numba.njit`` in the options alone. What only kernels call needs no wrappers for
Python and C, which take about half of the time that it takes to compile a short function.
"""

from __future__ import annotations

from typing import Any

from numba import njit

_ALL: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
WITHOUT_WRAPPERS: dict[str, Any] = _ALL | {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}

entry = njit(**_ALL)  # called from Python
inner = njit(**WITHOUT_WRAPPERS)
# Called for each sample, cell or second. A call counts the references of all arrays it is given up
# and down, with instructions that lock the bus: that can cost more than what the function does.
inlined = njit(**WITHOUT_WRAPPERS, forceinline=True)
