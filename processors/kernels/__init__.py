"""Compiled inner loops: numba and numpy only, arrays in, arrays filled in place.

numba's disk cache notices a change of the file a kernel stands in, not of a kernel it calls from
another file. The cache folder is therefore named by a hash of all files of this package.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numba
from numba import config

_HERE = Path(__file__).parent


def source_hash() -> str:
    """Give 12 hexadecimal digits that change with any kernel, numba's or Python's version."""
    digest = hashlib.blake2b(digest_size=6)
    digest.update(f"{numba.__version__} {sys.version_info[:2]}".encode())
    for path in sorted(_HERE.glob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _cache_folder() -> Path:
    """Give a folder that can be written: beside the kernels if possible, else the user's own.

    Never a folder that others can write to: what lies there is code that will run.
    """
    for parent in (_HERE / "__pycache__", Path.home() / ".cache" / "vitalstream"):
        folder = parent / source_hash()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        return folder
    raise OSError(f"no folder for compiled kernels: neither {_HERE} nor the home can be written")


# numba makes the attributes of its configuration at run time; the type checker cannot see them.
if not getattr(config, "CACHE_DIR", ""):  # an operator's own NUMBA_CACHE_DIR goes before
    setattr(config, "CACHE_DIR", str(_cache_folder()))  # noqa: B010
