"""Libraries that arbcore does without until something asks for them: each is part of an extra.

Owns the import and the sentence where it fails.
"""

import importlib
from types import ModuleType

from arbcore.errors import RunError


def library(module: str, extra: str, what: str) -> ModuleType:
    """A library of an extra. Raises RunError naming the extra where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise RunError(
            f"{what} needs {module.partition('.')[0]}, which is not installed; install it with "
            f"`pip install '.[{extra}]'` in the checkout."
        ) from error
