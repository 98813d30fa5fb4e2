# The whole life of a checkout in eight words: setup up check fix test bench docs release.
# PYTHON may name any CPython from 3.11 on; everything else lives in .venv.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: setup up check fix test bench docs release
.DEFAULT_GOAL := up

setup: $(VENV)/.core  ## the virtual environment with what runs, nothing more

up: setup  ## the practice lab, the gateway in front of it, and the console, on loopback
	@$(BIN)/bartizan up $(ARGS)

check: $(VENV)/.dev  ## formatting, lint, types, import layers, budgets
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/pytest -q tests/architecture

fix: $(VENV)/.dev  ## what a machine can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: $(VENV)/.dev  ## all tests; installs a browser where it can
	@sh tests/browser.sh
	$(BIN)/pytest $(ARGS)

bench: $(VENV)/.dev  ## every figure beside its bar and its peer
	$(BIN)/python -m bench $(ARGS)

docs: $(VENV)/.dev  ## the documentation as a site in site/
	$(BIN)/mkdocs build --strict

release: check test  ## a wheel and a source archive in dist/, from a clean tree
	@test -z "$$(git status --porcelain)" || { echo "release: the tree has uncommitted changes; commit them first" >&2; exit 1; }
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Bartizan needs Python 3.11 or newer; say make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing Bartizan with its models into $(VENV)"
	@$(PIP) -e '.[ml]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/.core
	@echo "installing what tests and checks need into $(VENV)"
	@$(PIP) -e '.[dev]'
	@touch $@
