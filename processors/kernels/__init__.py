"""Compiled inner loops: numba and numpy only, arrays in, arrays filled in place.

numba's disk cache notices a change of the file a kernel stands in, not of a kernel it calls from
another file. The cache folder is therefore named by a hash of the files that others import.
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

import numba
from numba import config

_HERE = Path(__file__).parent
_IMPORT = re.compile(r"^from processors\.kernels\.(\w+) import", re.MULTILINE)
_IMPORTED_ELSEWHERE = {"draw"}  # by kernels of other folders


def source_hash() -> str:
    """Give 12 hexadecimal digits that change with shared kernels, numba's or Python's version."""
    digest = hashlib.blake2b(digest_size=6)
    digest.update(f"{numba.__version__} {sys.version_info[:2]}".encode())
    sources = {path.stem: path.read_bytes() for path in sorted(_HERE.glob("*.py"))}
    imported = {name for text in sources.values() for name in _IMPORT.findall(text.decode())}
    for name in sorted((imported | _IMPORTED_ELSEWHERE) & sources.keys()):
        digest.update(name.encode())
        digest.update(sources[name])
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
    config.CACHE_DIR = str(_cache_folder())  # type: ignore[attr-defined]
