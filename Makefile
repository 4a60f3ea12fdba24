# The two commands are `make demo` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
# The first interpreter that is really there (a pyenv shim may not be) and new enough.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
PACKAGES := $(VENV)/.packages
KCL_VENV := .venv-kcl
KCL_PACKAGES := $(KCL_VENV)/.packages
STAMP := $(VENV)/.ready
# uv leaves byte code to the first import: were it not written then, every process would compile all it imports again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo up tail quick test check bench lake-scale simulate fuzz test-kcl java openapi events-doc named-queries lock clean setup
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(STAMP) ## make the virtual environment (the other targets do it for you)

# pip installs uv only, which then installs the rest (local_stack/install.py) in a fraction of the time.
$(PACKAGES): requirements/uv.txt requirements/dev.txt
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer found: install one, or name it: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "$(PYTHON) is no Python 3.11 or newer: name one that is, make PYTHON=/path/to/python3"; exit 1; }
	@echo "Setting up (once): making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV) || { echo "No virtual environment could be made: on Debian or Ubuntu install the package python3-venv"; exit 1; }
	@echo "Setting up (once): installing uv with pip"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt || \
		{ echo "uv could not be installed: is the package index reachable?"; exit 1; }
	@echo "Setting up (once): installing requirements/dev.txt with uv (400 MB to download, unless cached)"
	@$(BIN)/python -m local_stack.install requirements/dev.txt
	@touch $@

$(STAMP): $(PACKAGES) pyproject.toml ops/pyproject.toml
	@echo "Setting up (once): installing this project's two packages, editable"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable . --editable ops
	@touch $@

demo: $(STAMP) ## start the whole house, run the main job through it, check the result, stop
	@$(BIN)/account-events demo

up: $(STAMP) ## start the house and keep it running; prints commands to try
	@$(BIN)/account-events up

tail: $(STAMP) ## show the domain events of a running house as they come
	@$(BIN)/account-events tail

check: $(STAMP) ## lint, types, architecture, schemas, template
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/account-events schema check
	$(BIN)/cfn-lint template.yaml

quick: check ## the same and the unit tests: what to run before every commit
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal tests/unit

test: check ## every check and every test, in WORKERS processes (one more than there are processors)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
WORKERS ?= $(shell $(BIN)/python -c 'import os; print((os.cpu_count() or 1) + 1)')

bench: $(STAMP) ## measure; prints a table and writes benchmarks/results.json
	@$(BIN)/python -m benchmarks

lake-scale: $(STAMP) ## make a lake of EVENTS events (10000000) up and measure the shipped queries on it
	@$(BIN)/python -m benchmarks.lake --events $(or $(EVENTS),10000000) --days $(or $(DAYS),100) --flush-minutes $(or $(MINUTES),60)

simulate: $(STAMP) ## play SEEDS stories of the projector (100000), from seed FIRST (drawn) on
	@$(BIN)/python -m tests.simulation.projector --seeds $(or $(SEEDS),100000) $(if $(FIRST),--first $(FIRST)) --jobs 2

fuzz: $(STAMP) ## give the projector INPUTS batches (1000000) that are nearly right, by SEED (drawn)
	@$(BIN)/python -m tests.fuzz --inputs $(or $(INPUTS),1000000) $(if $(SEED),--seed $(SEED))

test-kcl: $(STAMP) $(KCL_PACKAGES) ## run the guide's program under AWS's KCL (Java 17 or newer; five minutes)
	@$(BIN)/python -m pytest -v tests/kcl/scenarios.py

$(KCL_PACKAGES): requirements/kcl.txt | java
	@echo "Setting up (once): making $(KCL_VENV) and installing requirements/kcl.txt"
	@$(PYTHON) -m venv --clear --without-pip $(KCL_VENV)
	@$(BIN)/python -m local_stack.install requirements/kcl.txt --python $(KCL_VENV)/bin/python
	@touch $@

java: $(STAMP)
	@$(BIN)/python -m tests.kcl.java

openapi: $(STAMP) ## write docs/openapi.json from the code
	@$(BIN)/python -m tools.openapi

events-doc: $(STAMP) ## write docs/events.md from the schemas and their history
	@$(BIN)/python -m tools.events_doc

named-queries: $(STAMP) ## write the shipped queries into template.yaml
	@$(BIN)/python -m tools.named_queries

# What `sam build` calls, function by function (BuildMethod: makefile in template.yaml).
build-%: $(STAMP)
	@$(BIN)/python -m local_stack.build --function $* --target aws --output "$(ARTIFACTS_DIR)"

lock: $(STAMP) ## resolve requirements/*.in again
	$(BIN)/uv pip compile -q requirements/dev.in -o requirements/dev.txt $(LOCK_FLAGS)
	$(BIN)/uv pip compile -q requirements/uv.in -o requirements/uv.txt -c requirements/dev.txt $(LOCK_FLAGS)
	$(BIN)/uv pip compile -q requirements/api.in -o requirements/api.txt -c requirements/dev.txt $(LOCK_FLAGS)
	$(BIN)/uv pip compile -q requirements/projector.in -o requirements/projector.txt -c requirements/dev.txt $(LOCK_FLAGS)
	$(BIN)/uv pip compile -q requirements/consumers.in -o requirements/consumers.txt -c requirements/dev.txt $(LOCK_FLAGS)
	$(BIN)/uv pip compile -q requirements/kcl.in -o requirements/kcl.txt -c requirements/dev.txt $(LOCK_FLAGS)
LOCK_FLAGS := --generate-hashes --no-emit-index-url --universal --python-version 3.11 --no-header --upgrade

clean: ## remove what the other targets made
	rm -rf $(VENV) $(KCL_VENV) .build .aws-sam .local-stack .house
