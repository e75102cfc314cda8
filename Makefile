# The commands that README.md and CONTRIBUTING.md name.
.DEFAULT_GOAL := help
.PHONY: help install run lint test test-all coverage docs bench train table space versions audit

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 7860
SPACE ?= OWNER/NAME
PRESET ?= quality
VENV := .venv
BIN := $(VENV)/bin
# What running needs, and what tests, linters and benchmarks need beside it.
STAMP := $(VENV)/.installed
STAMP_DEV := $(VENV)/.installed-dev
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS)
# Two files at a time; those with slow tests first, as tests/conftest.py orders them.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 2

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(STAMP) ## make .venv with what running needs; nothing to do when nothing changed

$(STAMP): requirements.txt constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; \
	sys.exit("Python 3.11 or newer is needed; %s is %d.%d. Name another with: make install PYTHON=python3.11" \
	% (sys.executable, *v) if v < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --requirement requirements.txt --constraint constraints.txt
	@touch $@

$(STAMP_DEV): $(STAMP) requirements-dev.txt requirements-reference.txt
	$(PIP) --requirement requirements-dev.txt --constraint constraints.txt
	$(PIP) --no-deps --requirement requirements-reference.txt
	@touch $@

run: install ## serve the app on http://HOST:PORT
	HOST=$(HOST) PORT=$(PORT) $(BIN)/python app.py

lint: $(STAMP_DEV) ## ruff (format and rules), mypy, and whether the generated documents are up to date
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m docs.generate --check --fast

test: lint ## linters, type checks and the tests that are not slow
	$(PYTEST) -m "not slow"

test-all: lint ## linters, type checks and every test: documented commands, the browser, a Space's start
	$(PYTEST)

coverage: lint ## every test once more, and which lines none of them runs
	$(PYTEST) --cov --cov-report=term-missing:skip-covered

docs: $(STAMP_DEV) ## write the generated parts of README.md and docs/
	$(BIN)/python -m docs.generate

bench: $(STAMP_DEV) ## every benchmark: a table, then one JSON line
	@for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python "$$file" || exit 1; done

space: $(STAMP_DEV) ## check that pushing makes a Space, and print how to push: make space SPACE=OWNER/NAME
	$(BIN)/python -m deploy --space $(SPACE)

versions: $(STAMP_DEV) ## the tests on the lowest and the newest versions that are allowed (long; downloads both)
	$(BIN)/python -m deploy.versions $(VERSIONS)

audit: $(STAMP_DEV) ## ask PyPI for known weaknesses of the exact set of packages
	$(BIN)/uv tool run pip-audit --requirement constraints.txt --no-deps --disable-pip

table: install ## encode the vocabulary into assets/tables, so that no first visitor waits: make table PRESET=quality
	$(BIN)/python -m interrogator.serving.tables --preset $(PRESET)

train: install ## paint the pictures and train the embedded models into assets/models (about three hours on two cores)
	$(BIN)/python -m training all
