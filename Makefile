# Everything a developer does; `make help` lists it. `make demo` and `make test` need Python 3.11, pip, make and git only.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
RUNNER ?= $(BIN)/python
export PYTHONHASHSEED ?= 0
export PYTHONDONTWRITEBYTECODE := # else every worker and every program of the tests compiles the whole tree again

.PHONY: help setup demo run test format lint types imports check bench docs lock clean

help: ## show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

.venv/installed: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

setup: .venv/installed ## make .venv and install from the lock

demo: setup ## see what goes wrong on four simulated exchanges, found, repaired or held
	@$(BIN)/reconcile-actors demo $(ARGS)

run: setup ## the daemon, with CONFIG=path (default config/example.toml)
	@$(BIN)/reconcile-actors run -c $(or $(CONFIG),config/example.toml)

test: setup ## the tests
	@$(RUNNER) -m pytest -q -n 4 --dist worksteal $(ARGS) # more workers than cores: many tests wait for processes and sockets

format: setup ## rewrite the code in the house's format
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

lint: setup ## ruff
	@$(BIN)/ruff format --check . && $(BIN)/ruff check .

types: setup ## mypy, strict
	@$(BIN)/mypy

imports: setup ## the layers of the house
	@$(BIN)/lint-imports

check: lint types imports ## all that CI runs: lint, types, layers, tests with branch coverage
	@$(BIN)/coverage erase
	@$(MAKE) --no-print-directory test RUNNER="$(BIN)/coverage run"
	@$(BIN)/coverage combine --quiet && $(BIN)/coverage report

bench: setup ## ratios against bare ccxt, bare Pykka and bare sqlite3: a table, and var/bench.json
	@$(BIN)/python -m tests.bench $(ARGS)

docs: setup ## check that every example in the docs runs and every link leads somewhere
	@$(BIN)/python -m pytest -q tests/docs

lock: setup ## write requirements.lock anew (needs uv)
	@uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements.lock

clean: ## remove what the other targets made
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* var
