# Everything happens in .venv, made on first use from locked, hashed requirements.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.PHONY: demo test

demo: .venv/.base
	$(BIN)/flowverdict demo

test: .venv/.test
	$(BIN)/pytest

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.base .venv/.test: .venv/.%: .venv/bin/python requirements/%.txt requirements/build.txt pyproject.toml
	$(PIP) --require-hashes -r requirements/$*.txt -r requirements/build.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@
