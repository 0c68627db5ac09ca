# Two commands do everything: `make demo` and `make test`. Each sets up what it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test setup tools lint unit network campaigns clean

demo: $(VENV)/.installed
	$(BIN)/python -m fixtures.demo

test: $(VENV)/.installed lint unit

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(VENV)/.installed
	$(BIN)/python -m pytest -n 2 --dist worksteal

network: $(VENV)/.installed
	$(BIN)/python -m pytest -m network

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "envsync needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --config-settings editable_mode=compat --editable '.[dev]'
	touch $@

# Shells, grammars and tools that only tests and benchmarks use, into a folder of their own. Each is
# left out where it can't be had, and what it would have shown is then skipped by name.
tools:
	-timeout 120 $(PYTHON) -m venv .tools
	-timeout 120 .tools/bin/python -m pip install --quiet --disable-pip-version-check \
		xonsh==0.25.0 tree-sitter==0.26.1 tree-sitter-powershell==0.26.4
	-timeout 120 .tools/bin/python -m pip install --quiet --disable-pip-version-check virtualenv
	-command -v npm >/dev/null && timeout 120 npm install --silent --no-audit --no-fund \
		--prefix .tools nushell@0.115.1 \
		&& cd .tools/bin && ln -sf ../node_modules/@nushell/*/bin/nu nu
	-command -v wine >/dev/null && WINEPREFIX=$(CURDIR)/.tools/wine WINEDEBUG=-all \
		WINEDLLOVERRIDES='mscoree=;mshtml=' timeout 120 wine cmd /c ver >/dev/null

clean:
	rm -rf $(VENV) .tools demo build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
