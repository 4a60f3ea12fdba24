# The two commands are `make demo` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
# The first interpreter that runs (a pyenv shim may not) and is new enough.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
PACKAGES := $(VENV)/.packages
KCL_PACKAGES := .venv-kcl/.packages
SECURITY_PACKAGES := .venv-security/.packages
SPARK_PACKAGES := .venv-spark/.packages
STAMP := $(VENV)/.ready
# uv writes no byte code. The first import must write it, or every process would compile its imports again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo up tail quick test check audit bench lake-scale simulate simulate-system fuzz test-kcl test-spark spark java openapi events-doc scale-doc template lock clean setup
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(STAMP) $(SECURITY_PACKAGES) ## create the virtual environments (the other targets do this automatically)

# pip installs only uv. uv installs the rest (local_stack/install.py), which is much faster.
$(PACKAGES): requirements/uv.txt requirements/dev.txt
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer was found. Install one, or set its path: make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "$(PYTHON) is not Python 3.11 or newer. Set the path of one that is: make PYTHON=/path/to/python3"; exit 1; }
	@echo "Setting up (once): creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV) || { echo "The virtual environment could not be created. On Debian or Ubuntu, install the package python3-venv"; exit 1; }
	@echo "Setting up (once): installing uv with pip"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt || \
		{ echo "uv could not be installed. Check that the package index is reachable"; exit 1; }
	@echo "Setting up (once): installing requirements/dev.txt with uv (400 MB to download, unless cached)"
	@$(BIN)/python -m local_stack.install requirements/dev.txt
	@touch $@

$(STAMP): $(PACKAGES) pyproject.toml ops/pyproject.toml
	@echo "Setting up (once): installing this project's two packages, editable"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable . --editable ops
	@touch $@

# Environments of their own, for packages that need other versions than requirements/dev.txt locks.
.venv-%/.packages: requirements/%.txt | $(STAMP)
	@echo "Setting up (once): creating .venv-$* and installing $<"
	@$(PYTHON) -m venv --clear --without-pip .venv-$*
	@$(BIN)/python -m local_stack.install $< --python .venv-$*/bin/python
	@touch $@

demo: $(STAMP) ## start a local stack, run the main job on it, check the result, and stop it
	@$(BIN)/account-events demo

up: $(STAMP) ## start a local stack, print commands to try, and keep it running until Ctrl-C
	@$(BIN)/account-events up

tail: $(STAMP) ## show the domain events of the running local stack as they arrive
	@$(BIN)/account-events tail

check: $(STAMP) $(SECURITY_PACKAGES) ## check style, types, architecture, schemas, the template and the packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/account-events schema check
	$(BIN)/cfn-lint template.yaml
	$(BIN)/python -m tools.template_scan
	@$(MAKE) --no-print-directory audit

audit: $(STAMP) $(SECURITY_PACKAGES) ## look up the functions' packages in a database of known vulnerabilities
	@$(BIN)/python -m tools.audit

quick: check ## run every check, the unit tests and the test of banned words (before every commit)
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal tests/unit tests/docs/test_words.py

test: check ## run every check and every test, in WORKERS processes (processors + 1)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
WORKERS ?= $(shell $(BIN)/python -c 'import os; print((os.cpu_count() or 1) + 1)')

bench: $(STAMP) ## run the benchmarks, print a table and write benchmarks/results.json
	@$(BIN)/python -m benchmarks

lake-scale: $(STAMP) ## generate a lake of EVENTS events (10000000) and measure the shipped queries on it
	@$(BIN)/python -m benchmarks.lake --events $(or $(EVENTS),10000000) --days $(or $(DAYS),100) --flush-minutes $(or $(MINUTES),60)

simulate: $(STAMP) ## simulate the projector with SEEDS seeds (100000), beginning with FIRST (random)
	@$(BIN)/python -m tests.simulation.projector --seeds $(or $(SEEDS),100000) $(if $(FIRST),--first $(FIRST)) --jobs 2

simulate-system: $(STAMP) ## simulate the whole system with SEEDS seeds (20000), beginning with FIRST (random)
	@$(BIN)/python -m tests.simulation.system --seeds $(or $(SEEDS),20000) $(if $(FIRST),--first $(FIRST)) --jobs 2

fuzz: $(STAMP) ## send the projector INPUTS nearly valid batches (1000000), generated from SEED (random)
	@$(BIN)/python -m tests.fuzz --inputs $(or $(INPUTS),1000000) $(if $(SEED),--seed $(SEED))

test-kcl: $(STAMP) $(KCL_PACKAGES) ## test the KCL guide's program with AWS's KCL (needs Java 17; takes five minutes)
	@$(BIN)/python -m pytest -v tests/kcl/scenarios.py

test-spark: $(STAMP) $(SPARK_PACKAGES) ## test the Spark jobs and compare them with the engine local (needs Java 17; takes five minutes)
	@$(BIN)/python -m pytest -v $(sort $(wildcard tests/spark/*scenarios.py))

spark: $(STAMP) $(SPARK_PACKAGES) ## create the environment of the Spark jobs (needs Java 17)

$(KCL_PACKAGES) $(SPARK_PACKAGES): | java

java: $(STAMP)
	@$(BIN)/python -m tests.kcl.java

openapi: $(STAMP) ## generate docs/openapi.json from the code
	@$(BIN)/python -m tools.openapi

events-doc: $(STAMP) ## generate docs/events.md from the schemas and their history
	@$(BIN)/python -m tools.events_doc

scale-doc: $(STAMP) ## compute the tables of docs/scale.md from results, settings and limits
	@$(BIN)/python -m tools.scale

template: $(STAMP) ## generate parts of template.yaml, the view events and docs/lake.md from schemas, columns and queries
	@$(BIN)/python -m tools.template

# `sam build` calls this for each function (BuildMethod: makefile in template.yaml).
build-%: $(STAMP)
	@$(BIN)/python -m local_stack.build --function $* --target aws --output "$(ARTIFACTS_DIR)"

lock: $(STAMP) ## upgrade the locked requirements (requirements/*.txt)
	$(BIN)/uv pip compile -q requirements/dev.in -o requirements/dev.txt $(LOCK_FLAGS)
	$(BIN)/uv pip compile -q requirements/uv.in -o requirements/uv.txt -c requirements/dev.txt $(LOCK_FLAGS)
	$(BIN)/uv pip compile -q requirements/api.in -o requirements/api.txt -c requirements/dev.txt $(LOCK_FLAGS)
	$(BIN)/uv pip compile -q requirements/projector.in -o requirements/projector.txt -c requirements/dev.txt $(LOCK_FLAGS)
	$(BIN)/uv pip compile -q requirements/consumers.in -o requirements/consumers.txt -c requirements/dev.txt $(LOCK_FLAGS)
	$(BIN)/uv pip compile -q requirements/totals.in -o requirements/totals.txt -c requirements/dev.txt $(LOCK_FLAGS)
	$(BIN)/uv pip compile -q requirements/kcl.in -o requirements/kcl.txt -c requirements/dev.txt $(LOCK_FLAGS)
	$(BIN)/uv pip compile -q requirements/spark.in -o requirements/spark.txt -c requirements/dev.txt $(LOCK_FLAGS)
	$(BIN)/uv pip compile -q requirements/security.in -o requirements/security.txt $(LOCK_FLAGS)
LOCK_FLAGS := --generate-hashes --no-emit-index-url --universal --python-version 3.11 --no-header --upgrade

clean: ## remove all files that the other targets created
	rm -rf $(VENV) .venv-* .build .aws-sam .local-stack
