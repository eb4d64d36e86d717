"""The venue's type stubs say what the compiled classes offer."""

from importlib import import_module
from pathlib import Path

import pytest
from twins import compiled_face, written_face

import arbcore
from arbcore import errors

MODULES = ("_book", "_index", "_accounts", "_floor", "_connection", "_engine")


@pytest.mark.parametrize("name", MODULES)
def test_the_stub_names_what_the_modules_classes_offer(name):
    module = import_module(f"arbcore.venue.{name}")
    stub = Path(arbcore.__file__).parent / "venue" / f"{name}.pyi"
    assert methods(compiled_face(module)) == methods(written_face(stub))


def methods(face):
    """Members of its own classes only: a compiled module's variables include what it imported."""
    return {name: parameters for name, parameters in face.items()
            if "." in name and not hasattr(errors, name.split(".")[0])}
