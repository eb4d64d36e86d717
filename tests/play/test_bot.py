import sys

import pytest

from arbcore.errors import UsageError
from arbcore.play.bot import load_strategy


@pytest.fixture
def folder(tmp_path):
    """A working directory for user strategies; what they import is forgotten afterwards."""
    before, path = set(sys.modules), list(sys.path)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def refusal(spec, folder):
    with pytest.raises(UsageError) as caught:
        load_strategy(spec, folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_class_of_a_module_in_the_working_directory(folder):
    (folder / "mine_a.py").write_text("class Quoter:\n    size = 3\n")
    assert load_strategy("mine_a:Quoter", folder).size == 3


def test_class_of_a_package(folder):
    (folder / "pack_b").mkdir()
    (folder / "pack_b" / "inner.py").write_text("class Quoter: pass\n")
    assert type(load_strategy("pack_b.inner:Quoter", folder)).__module__ == "pack_b.inner"


@pytest.mark.parametrize(
    "spec", ["mine", "mine:", ":Quoter", "mine.py:Quoter()", "a b:C", "../mine:C", "mine:C:D"]
)
def test_malformed_spec(spec, folder):
    assert "must be package.module:Class" in refusal(spec, folder)


def test_missing_module(folder):
    assert "there is no module missing_c" in refusal("missing_c:Quoter", folder)


def test_module_that_misses_another(folder):
    (folder / "mine_d.py").write_text("import not_installed_d\n")
    said = refusal("mine_d:Quoter", folder)
    assert "not_installed_d" in said
    assert "mine_d.py, line 1" in said


def test_module_that_raises(folder):
    (folder / "mine_e.py").write_text("x = 1\ny = x / 0\n")
    assert "ZeroDivisionError: division by zero" in (said := refusal("mine_e:Quoter", folder))
    assert "mine_e.py, line 2" in said


def test_module_that_exits(folder):
    (folder / "mine_f.py").write_text("raise SystemExit(0)\n")
    assert "SystemExit" in refusal("mine_f:Quoter", folder)


def test_module_with_a_syntax_error(folder):
    (folder / "mine_g.py").write_text("class Quoter\n")
    assert "SyntaxError" in (said := refusal("mine_g:Quoter", folder))
    assert "mine_g.py, line 1" in said


def test_missing_class_names_the_nearest(folder):
    (folder / "mine_h.py").write_text("class Quoter: pass\n")
    assert "has no class Quotr; did you mean Quoter?" in refusal("mine_h:Quotr", folder)


def test_class_that_cannot_be_made(folder):
    (folder / "mine_i.py").write_text("class Quoter:\n    def __init__(self, size): pass\n")
    assert "Quoter() failed with TypeError" in refusal("mine_i:Quoter", folder)


# --- parameters -----------------------------------------------------------------------------------

KINDS = """
class Kinds:
    def __init__(self, size: int = 1, edge: float = 0.5, on: bool = False, name="x", count=3,
                 gap: "int | None" = None, *, deep=2.5):
        self.got = (size, edge, on, name, count, gap, deep)
"""


@pytest.fixture
def kinds(folder):
    (folder / "kinds_p.py").write_text(KINDS)
    return folder


def test_parameters_are_read_by_their_types(kinds):
    texts = {"size": "4", "edge": "2", "on": "true", "name": "7", "count": "8", "gap": "9", "deep": "1e1"}
    assert load_strategy("kinds_p:Kinds", kinds, texts).got == (4, 2.0, True, "7", 8, 9, 10.0)
    assert load_strategy("kinds_p:Kinds", kinds, {"gap": "None"}).got == (1, 0.5, False, "x", 3, None, 2.5)


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("size", "4.5", "--param size is 4.5; give a whole number"),
        ("size", "", "give a whole number"),
        ("edge", "wide", "give a number"),
        ("edge", "nan", "give a finite number"),
        ("on", "maybe", "give true or false"),
        ("count", "x", "give a whole number"),
        ("sise", "4", "has no parameter sise; did you mean size?"),
        ("zzz", "4", "it has size, edge, on, name, count, gap, deep."),
    ],
)
def test_parameter_that_does_not_fit_is_named(name, text, part, kinds):
    with pytest.raises(UsageError) as caught:
        load_strategy("kinds_p:Kinds", kinds, {name: text})
    assert part in str(caught.value)
