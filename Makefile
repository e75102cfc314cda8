# install, run, test, lint, bench, train: the commands that the README promises.
.DEFAULT_GOAL := help
.PHONY: help install run test lint bench train space versions

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 7860
SPACE ?= OWNER/NAME
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

help: ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(STAMP) ## make .venv and install into it; nothing to do when nothing changed

$(STAMP): requirements.txt requirements-dev.txt requirements-reference.txt constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; \
	sys.exit("Python 3.11 or newer is needed; %s is %d.%d. Name another with: make install PYTHON=python3.11" \
	% (sys.executable, *v) if v < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) \
	  --requirement requirements-dev.txt --constraint constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps $(PIP_ARGS) \
	  --requirement requirements-reference.txt
	@touch $@

run: install ## serve the app on http://HOST:PORT
	HOST=$(HOST) PORT=$(PORT) $(BIN)/python app.py

lint: install ## ruff (format and rules) and mypy
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: lint ## linters, type checks and every test
	$(BIN)/python -m pytest -n 2 --dist loadfile --cov --cov-report=term

bench: install ## every benchmark: a table, then one JSON line
	@for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python "$$file" || exit 1; done

space: install ## check that pushing makes a Space, and print how to push: make space SPACE=OWNER/NAME
	$(BIN)/python -m deploy --space $(SPACE)

versions: install ## the tests on the lowest and the newest versions that are allowed (long; downloads both)
	$(BIN)/python -m deploy.versions $(VERSIONS)

train: install ## paint the pictures and train the embedded models into assets/models (about three hours on two cores)
	$(BIN)/python -m training all
