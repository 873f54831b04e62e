# `make help` lists what one can do here. Everything runs in .venv, made from constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Processes that share the tests.
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help run report test test-slow torch lint format types bench claims readme calibration \
	examples docs clean

help:  ## list these targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable . --group test --group lint --group docs
	@touch $@

run: $(READY)  ## simulate, test and draw thermophoresis/activation-rate
	$(BIN)/soret run thermophoresis/activation-rate

report: $(READY)  ## one page on everything in runs/: report.html
	$(BIN)/soret report runs -o report.html

test: $(READY)  ## the test suite (about eight minutes on 2 cores)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

test-slow: $(READY)  ## the tests that take longer
	$(BIN)/python -m pytest -m slow

torch: $(READY)  ## PyTorch's CPU build, for the tests and benchmarks beside it
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0

lint: $(READY)  ## style, and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

format: $(READY)  ## put the code into its format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(READY)  ## static types
	$(BIN)/mypy

bench: $(READY)  ## measure speed and memory against named peers
	$(BIN)/python benchmarks/ensemble.py
	$(BIN)/python benchmarks/small.py
	$(BIN)/python benchmarks/nets.py

claims: $(READY)  ## run every claim at quick scale into runs/, or go on with it; SEEDS=5 runs seeds 0 to 4
	$(BIN)/soret run '*' --scale quick $(if $(SEEDS),--seeds $(SEEDS))

readme: $(READY)  ## put the verdicts of the runs in runs/ into README.md and the papers' pages
	$(BIN)/python docs/hooks/readme.py runs
	$(BIN)/python docs/hooks/statements.py runs

calibration: $(READY)  ## measure how often intervals cover, into docs/calibration.md (15 minutes of one core)
	$(BIN)/python docs/hooks/calibration.py

examples: $(READY)  ## run every example in the documentation
	$(BIN)/python -m pytest tests/docs/test_all_pages.py -m "slow or not slow"

docs: $(READY)  ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:  ## remove the environment and what the tools left
	rm -rf $(VENV) build site src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
