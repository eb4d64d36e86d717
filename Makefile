# `make run` and `make test` are all a newcomer needs; `make help` lists the rest.
# PYTHON=... names the interpreter (3.10 or newer), CC=... the compiler, ARGS=... adds arguments to pytest.

VENV ?= .venv
BIN = $(VENV)/bin
SETUP = PYTHON="$(PYTHON)" sh tools/setup_venv.sh
# The suite runs from inside the environment's directory, so that what is tested is what was installed and
# never the source tree beside it.
PYTEST = bin/python -m pytest --rootdir=.. -c ../pyproject.toml
PYTHON ?=
ARGS ?=

.PHONY: help run test lint cover sanitize bench sdist check clean
.NOTPARALLEL:

help:
	@echo "make run       build, install into .venv, play a 20-second round on the embedded exchange"
	@echo "make test      build, install, run the whole test suite against what was installed"
	@echo "make lint      ruff, mypy (strict on the package), cython-lint"
	@echo "make cover     the suite's line coverage, Cython lines too on Python 3.11 and older"
	@echo "make sanitize  the suite over a build with AddressSanitizer and UndefinedBehaviorSanitizer"
	@echo "make bench     the benchmark tables, with the peers"
	@echo "make sdist     a source distribution in dist/"
	@echo "make check     test, lint, sanitize, and the suite on every Python from 3.10 on that is found"
	@echo "make clean     remove everything that was built, the environments too"

run:
	@$(SETUP) $(VENV)
	$(BIN)/arbcore exchange --test prod-like --duration 20

test:
	@$(SETUP) $(VENV) test
	cd $(VENV) && $(PYTEST) ../tests $(ARGS)

lint:
	@$(SETUP) $(VENV) test lint
	$(BIN)/ruff check .
	$(BIN)/mypy
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cython-lint arbcore

sdist:
	@$(SETUP) $(VENV)
	rm -rf dist
	$(BIN)/python -c "import setuptools.build_meta as b; print('dist/' + b.build_sdist('dist'))"

clean:
	rm -rf build dist .venv .venv-* *.egg-info .coverage htmlcov .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find arbcore tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
	find arbcore -name '*.so' -delete
