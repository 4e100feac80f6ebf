# Everything runs in .venv, which `install` makes with the pinned packages of constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
FLOOR := 95  # percent of the package's lines that `make test` must run; it runs 97
.DEFAULT_GOAL := help
.PHONY: install demo test test-long lint types bench docs help

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  \1\t/' | expand -t 14

install: $(STAMP)  ## set up .venv with every package at its pinned version

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "photoz_lit needs Python 3.11 or newer; call make PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt hatchling editables setuptools setuptools-scm wheel
	$(BIN)/pip install --disable-pip-version-check --progress-bar on -c constraints.txt --no-build-isolation -e '.[dev,docs]'
	@touch $(STAMP)

demo: install  ## simulate a nine-band field, train the multimodal network on it, write a report (≤ 10 minutes)
	$(BIN)/python -m photoz_lit +experiment=hsc9b_early_fusion

test: install lint types  ## style, types, all tests but the long ones, and the share of lines that they run
	OMP_NUM_THREADS=1 $(BIN)/python -m slipcover --json --out .venv/lines.json -m pytest -n 2 --dist loadfile -m 'not long'
	$(BIN)/python -m slipcover --fail-under $(FLOOR) --merge .venv/lines.json --out .venv/lines_merged.json >.venv/lines.txt || \
		{ tail -n 3 .venv/lines.txt; echo "tests run fewer than $(FLOOR) % of the lines; .venv/lines.txt has them"; exit 2; }

test-long: install  ## every test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lint: install  ## ruff: style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install  ## mypy, strict
	$(BIN)/mypy
	$(BIN)/mypy --explicit-package-bases experiments packaging

bench: install  ## speed of networks and simulation on this machine, to bench.json (≤ 12 minutes)
	$(BIN)/python -m photoz_lit task=bench

docs: install  ## the pages of docs/ and one of every choice, to docs/_build; warnings are errors
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build
