# Two commands do everything: `make demo` and `make test`. Each sets up what it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Where it is set, every run and every process of a test would compile and rewrite all modules anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test setup speedups pins tools lint unit rest lowest newest mutants bench bench-check peers network clean

demo: $(VENV)/.installed
	$(BIN)/python -m fixtures.demo

test: $(VENV)/.installed lint unit

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(VENV)/.installed
	$(BIN)/python -m pytest -n 2 --dist worksteal

# The tests that the last run skipped, for when what they want was installed since, and the cases of
# matrices that it had only a sample of.
rest: $(VENV)/.installed
	$(BIN)/python -m pytest -n 2 --dist worksteal --rest --matrix

# The tests with the lowest, and with the newest, versions that pyproject.toml's bounds admit, in a
# folder of their own; TESTS names fewer.
lowest newest: $(VENV)/.installed
	$(PYTHON) -m venv .tools/$@
	.tools/$@/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement tests/requirements.txt
	.tools/$@/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--config-settings editable_mode=compat --editable .
	$(BIN)/python -m tests.bounds $@ > .tools/$@/requirements.txt
	.tools/$@/bin/python -m pip install --quiet --disable-pip-version-check --upgrade --requirement .tools/$@/requirements.txt
	.tools/$@/bin/python -m pytest -n 2 --dist worksteal $(TESTS)

# Small changes to the code, of which a test must notice 85 %: a sample with a fixed seed, an hour at most.
mutants: $(VENV)/.installed
	$(BIN)/python -m tests.mutants

# Operations of envsync and its peers in turn, the table to standard output; ARGS for `python -m benchmarks`.
bench: $(VENV)/.installed peers
	$(BIN)/python -m benchmarks $(ARGS)

# Fails when a ratio to uv, or a number of instructions, is 20 % worse than the kept one.
bench-check: $(VENV)/.installed peers
	$(BIN)/python -m benchmarks --check flask $(ARGS)

# The tools that envsync is compared with, each in a folder of its own; one that can't be had is left out.
peers:
	for tool in uv==0.13.9 virtualenv pip nab poetry pdm==2.26.6; do \
		folder=.tools/bench/$${tool%%==*}; test -e $$folder/.installed && continue; \
		{ timeout 300 $(PYTHON) -m venv $$folder \
		&& timeout 300 $$folder/bin/python -m pip install --quiet --disable-pip-version-check --upgrade $$tool \
		&& touch $$folder/.installed; } || echo "$$tool is left out"; \
	done

network: $(VENV)/.installed
	$(BIN)/python -m pytest -m network

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml tests/requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "envsync needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement tests/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--config-settings editable_mode=compat --editable .
	touch $@

# The optional compiled module, into .venv.
speedups: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps \
		--force-reinstall ./speedups
	$(BIN)/envsync --version

# Every version that `make test` uses, with hashes, anew: the newest that pyproject.toml admits.
pins:
	$(PYTHON) -m venv .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check uv
	.tools/bin/uv pip compile --quiet --universal --python-version 3.11 --extra dev --upgrade \
		--generate-hashes --no-header --no-annotate --no-emit-index-url \
		--output-file tests/requirements.txt pyproject.toml

# Shells, grammars and tools that only tests and benchmarks use, into a folder of their own. Each is
# left out where it can't be had, and what it would have shown is then skipped by name.
tools:
	-timeout 120 $(PYTHON) -m venv .tools
	-timeout 120 .tools/bin/python -m pip install --quiet --disable-pip-version-check \
		xonsh==0.25.0 tree-sitter==0.26.1 tree-sitter-powershell==0.26.4
	-timeout 120 .tools/bin/python -m pip install --quiet --disable-pip-version-check virtualenv uv 'pip>=26.3'
	-timeout 120 .tools/bin/python -m pip install --quiet --disable-pip-version-check \
		pypiserver==2.4.2 passlib==1.7.4 trustme==1.2.1 keyring==25.7.0 keyrings.alt==5.0.2
	-command -v npm >/dev/null && timeout 120 npm install --silent --no-audit --no-fund \
		--prefix .tools nushell@0.115.1 \
		&& cd .tools/bin && ln -sf ../node_modules/@nushell/*/bin/nu nu
	-command -v wine >/dev/null && WINEPREFIX=$(CURDIR)/.tools/wine WINEDEBUG=-all \
		WINEDLLOVERRIDES='mscoree=;mshtml=' timeout 120 wine cmd /c ver >/dev/null

clean:
	rm -rf $(VENV) .tools demo build dist *.egg-info speedups/build speedups/*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
