# Two commands for a newcomer:
#   make demo   makes .venv, installs, condenses the sample that ships, prints where the page is
#   make test   the same environment plus the tools, then lint, types and tests
#   make docs   the documentation site into site/, strict: a broken link is an error

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
CODE := anonbase anonfaces encoders stylegan tests benchmarks notebooks
export TF_CPP_MIN_LOG_LEVEL ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo docs test

help:
	@sed -n 's/^#   //p' Makefile

$(VENV)/.installed: requirements.txt requirements-tested.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install -q -c requirements-tested.txt -e .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) install -q -c requirements-tested.txt -e ".[test]"
	touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(PIP) install -q -c requirements-tested.txt -e ".[docs]"
	touch $@

demo: $(VENV)/.installed
	$(BIN)/python -m anonfaces.cluster --k 5 --output demo --overwrite

test: $(VENV)/.installed-test
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/python -m pytest

docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "open site/index.html; with search: $(BIN)/python -m http.server -b 127.0.0.1 -d site"
