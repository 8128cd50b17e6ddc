# Vitalstream. `make` alone explains itself.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
SOURCES := streams processors device_bridges alerts dashboards registry loadtest tests

# What is installed depends on these two files; a stamp for each role says what has been done.
RUN_STAMP := $(VENV)/.run
DEV_STAMP := $(VENV)/.dev

.PHONY: help setup run env test check format bench accuracy ci clean

help:  ## explain the targets
	@echo "Vitalstream: the vital signs of many people, live."
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  make run ARGS='--participants 500'   passes options on; vitals run --help lists them"

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "make: Python 3.11 or newer is needed; say which with PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Byte code is compiled when a module is first used: half of the installation time is saved.
$(RUN_STAMP): pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e .
	@touch $@

$(DEV_STAMP): $(RUN_STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e '.[dev]'
	@touch $@

setup: $(RUN_STAMP)  ## make .venv with the command vitals in it

run: $(RUN_STAMP)  ## simulated people on a live page, http://127.0.0.1:8080
	@$(BIN)/vitals run $(ARGS)

env:  ## write the secrets of docker-compose.yml into .env, what is there stays
	@$(PYTHON) -m streams.env_file

test: $(DEV_STAMP)  ## all tests (servers and ../shared are used where they are there)
	@$(BIN)/python -m tests.warm  # else each worker would compile every kernel for itself
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not bench" $(ARGS)

check: $(DEV_STAMP)  ## format, lint, types, import contracts
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(DEV_STAMP)  ## put the code into its form
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

bench: $(DEV_STAMP)  ## speed and accuracy figures
	$(BIN)/python -m pytest -q -m bench --benchmark-columns=min,median,rounds $(ARGS)

accuracy: $(DEV_STAMP)  ## evaluate all databases, write the tables of docs/accuracy.md
	$(BIN)/vitals evaluate mitdb afdb nsrdb vfdb cinc2017 hrr noise --docs docs/accuracy.md $(ARGS)

ci: $(DEV_STAMP)  ## what decides: checks, tests, benchmarks, with every server there
	tests/install_servers.sh
	$(MAKE) check
	VITALS_REQUIRE_SERVERS=1 $(MAKE) test
	VITALS_REQUIRE_SERVERS=1 $(MAKE) bench

clean:  ## remove the environment and all that can be made again
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
