"""Imports optional libraries, each of which is part of an extra, when a command first needs one.

Owns the import and the error message if the library is missing.
"""

import importlib
from types import ModuleType

from arbcore.errors import RunError


def library(module: str, extra: str, what: str) -> ModuleType:
    """Imports a library of an extra. Raises RunError that names the extra if it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise RunError(
            f"{what} needs {module.partition('.')[0]}, which is not installed; install it with "
            f"`pip install '.[{extra}]'` in the checkout."
        ) from error
