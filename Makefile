# `make run` and `make test` are all a newcomer needs; `make help` lists the rest.
# PYTHON=... names the interpreter (3.10 or newer), CC=... the compiler, FILES=... the tests to run (all of them
# without it), WORKERS=... how many tests run at a time (one a core without it), ARGS=... adds arguments to pytest.

VENV ?= .venv
BIN = $(VENV)/bin
SETUP = PYTHON="$(PYTHON)" sh tools/setup_venv.sh
# The suite runs from inside the environment's directory, so that what is tested is what was installed and
# never the source tree beside it.
PYTEST = bin/python -m pytest --rootdir=.. -c ../pyproject.toml
PYTHON ?=
ARGS ?=
FILES ?= tests
WORKERS ?= auto

.PHONY: help run test quick lint docs cover sanitize cluster browser ib-async _ib-async tables crash mutants \
	bench pythons sdist check \
	clean
.NOTPARALLEL:

help:
	@echo "make run       build, install into .venv, play a 20-second round on the embedded exchange"
	@echo "make test      build, install, run the whole test suite against what was installed"
	@echo "make quick     in under a minute: the linters, the types, the architecture's tests"
	@echo "make lint      ruff, mypy (strict on the package), cython-lint"
	@echo "make docs      the documentation, as pages in build/docs"
	@echo "make cover     the suite's line coverage, Cython lines too on Python 3.11 and older"
	@echo "make sanitize  the suite over a build with AddressSanitizer and UndefinedBehaviorSanitizer"
	@echo "make cluster   sweep and simulate on a real Dask cluster of two workers (extra dask)"
	@echo "make browser   the HTML pages in a headless Chromium"
	@echo "make ib-async  the tests of the gateway, the carry bot and fetching with ib_async and ibapi"
	@echo "make tables    the tests with pandas, Polars, Arrow, Parquet and Zstandard"
	@echo "make crash     the carry bot killed at every boundary between storing and sending, and at random"
	@echo "make mutants   one-line changes of the modules that guard money, each of which a test must notice"
	@echo "make bench     the benchmark tables, with the peers"
	@echo "make pythons   the suite on every Python from 3.10 on that is found"
	@echo "make sdist     a source distribution in dist/"
	@echo "make check     test, lint, tables, crash, cluster, browser, ib-async, sanitize, pythons"
	@echo "make clean     remove everything that was built, the environments too"

run:
	@$(SETUP) $(VENV)
	$(BIN)/arbcore exchange --test prod-like --duration 20

test:
	@$(SETUP) $(VENV) test
	cd $(VENV) && $(PYTEST) -n $(WORKERS) $(addprefix ../,$(FILES)) $(ARGS)

quick: lint
	cd $(VENV) && $(PYTEST) -q ../tests/test_architecture.py ../tests/test_tidy.py ../tests/test_stubs.py

lint:
	@$(SETUP) $(VENV) test lint
	$(BIN)/ruff check .
	$(BIN)/mypy
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cython-lint arbcore

# The generated pages first; Sphinx runs from inside the environment, so that it reads what was installed.
docs:
	@$(SETUP) $(VENV) docs
	$(BIN)/python -m tools.docs
	cd $(VENV) && bin/python -m sphinx -q -W --keep-going -b html ../docs ../build/docs
	@echo "make: build/docs/index.html"

# Tracing slows the suite several times over, so no test may lean on its time-out here.
cover:
	@$(SETUP) $(VENV) test cover
	@$(BIN)/python -c "import sys; sys.exit(sys.version_info >= (3, 12) and 'cover: Cython lines are traced on \
	Python 3.10 and 3.11 only; name one: make cover VENV=.venv-3.11 PYTHON=python3.11')"
	rm -rf build/trace/lib
	ARBCORE_TRACE=1 $(BIN)/python setup.py --quiet build --build-base build/trace --build-lib build/trace/lib
	cp -R build/cython-trace/arbcore build/trace/lib
	cd build/trace/lib && COVERAGE_FILE=$(CURDIR)/.coverage \
		$(CURDIR)/$(BIN)/python -m coverage run --rcfile=$(CURDIR)/pyproject.toml -m pytest \
		--rootdir=$(CURDIR) -c $(CURDIR)/pyproject.toml --timeout=1200 $(ARGS) $(CURDIR)/tests
	cd build/trace/lib && COVERAGE_FILE=$(CURDIR)/.coverage \
		$(CURDIR)/$(BIN)/python -m coverage report --rcfile=$(CURDIR)/pyproject.toml

# The interpreter itself is not instrumented, so the runtime is loaded first; leaks are the interpreter's own
# (it frees little at exit), so they are not looked for. malloc instead of Python's pools, or an overrun inside
# a pool would go unseen.
sanitize:
	@$(SETUP) $(VENV) test
	rm -rf build/sanitize/lib
	ARBCORE_SANITIZE=1 $(BIN)/python setup.py --quiet build --build-base build/sanitize \
		--build-lib build/sanitize/lib
	@$(BIN)/python tools/sanitizer_runtime.py > build/sanitize/runtime
	cd $(VENV) && LD_PRELOAD="$$(cat ../build/sanitize/runtime)" PYTHONMALLOC=malloc \
		ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:handle_segv=1 \
		UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 PYTHONPATH=$(CURDIR)/build/sanitize/lib \
		ARBCORE_MATRIX=whole \
		$(PYTEST) -p no:faulthandler --timeout=600 ../tests $(ARGS)

# A Dask cluster of two worker processes on loopback; one of them is killed.
cluster:
	@$(SETUP) $(VENV) test dask
	cd $(VENV) && $(PYTEST) -m cluster ../tests/quotes/test_sweep_cluster.py ../tests/play/test_simulate_cluster.py $(ARGS)

browser:
	@$(SETUP) $(VENV) test
	@$(BIN)/python -c "import sys; sys.path.append('tests/support'); import chromium; \
	sys.exit(chromium.find_chromium() is None and 'browser: there is no Chromium on PATH; install one (Debian: \
	apt-get install chromium)')"
	cd $(VENV) && $(PYTEST) -m browser ../tests/pages/test_in_browser.py ../tests/pages/test_live_in_browser.py \
		../tests/tools/test_soak_page.py $(ARGS)

# In an environment of its own: both libraries bring a package of the same name, and the later one wins.
ib-async:
	@$(MAKE) --no-print-directory _ib-async VENV=.venv-ib-async

_ib-async:
	@$(SETUP) $(VENV) test ibkr-async ibapi
	cd $(VENV) && $(PYTEST) ../tests/gateway ../tests/ibkr ../tests/quotes/test_fetch.py -k "ib_async or ibapi" $(ARGS)
	cd $(VENV) && $(PYTEST) ../tests/commands/test_ibkr_cli.py $(ARGS)

# The tables of other libraries, in and out.
tables:
	@$(SETUP) $(VENV) test tables
	cd $(VENV) && $(PYTEST) ../tests/quotes/test_columns.py ../tests/quotes/test_formats.py $(ARGS)

# The whole of what tests/ibkr/test_crashes.py has a slice of.
crash:
	@$(SETUP) $(VENV) test ibkr
	$(BIN)/python -m tools.crash_bot
	$(BIN)/python -m tools.crash_bot --random 200
	$(BIN)/python -m tools.crash_bot --live

bench:
	@$(SETUP) $(VENV) bench
	$(BIN)/python -m tools.bench $(ARGS)

# One token changed in one line of the modules that guard money: each change must fail a test.
mutants:
	@$(SETUP) $(VENV) test
	$(BIN)/python setup.py --quiet build_ext --inplace
	nice -n 10 $(BIN)/python -m tools.mutants $(ARGS)

# The suite on every other Python of this machine, each in an environment of its own.
pythons:
	@mine=$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null); \
	sh tools/pythons.sh | while read -r version python; do \
		[ "$$version" != "$$mine" ] || continue; \
		echo "== Python $$version"; \
		$(MAKE) --no-print-directory test VENV=.venv-$$version PYTHON="$$python" || exit 1; \
	done

check: test lint tables crash cluster browser ib-async sanitize pythons

sdist:
	@$(SETUP) $(VENV)
	rm -rf dist
	$(BIN)/python -c "import setuptools.build_meta as b; print('dist/' + b.build_sdist('dist'))"

clean:
	rm -rf build dist .venv .venv-* *.egg-info .coverage htmlcov .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find arbcore tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
	find arbcore -name '*.so' -delete
