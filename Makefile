# A fresh machine needs python3.11, 3.12 or 3.13 (with venv and pip), git and make.
# Choose the interpreter with `make setup PYTHON=/path/to/python3.12`.
PYTHON ?=
VENV := .venv
READY := $(VENV)/.ready
UV_VENV := $(VENV)-lock
# Two processes; a file's tests stay together, since they share what they set up.
TWO := -n 2 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help setup refit test test-all lint release sizes docs cluster trackers audit-deps lock clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1: /p' $(MAKEFILE_LIST) | \
	  awk -F': ' '{printf "  make %-11s %s\n", $$1, $$2}'

setup: $(READY) ## install exactly what the lock files name into .venv

# Repeated when the lock or pyproject.toml is newer; otherwise nothing is installed.
$(READY): requirements.lock requirements-dev.lock pyproject.toml
	@sh .ci/setup '$(VENV)' '$(PYTHON)'

refit: $(READY) ## ingest, validate, fit, forecast, report, publish: only what is stale
	@$(VENV)/bin/scaling refit

test: $(READY) ## the essential tests; leaves out those over a minute each (see test-all)
	@$(VENV)/bin/python -m pytest -m 'not slow' $(TWO)

test-all: $(READY) ## every test, also the slow ones; docs/testing.md says what is skipped
	@$(VENV)/bin/python -m pytest $(TWO)

lint: $(READY) ## formatting, lint and types
	@$(VENV)/bin/ruff check
	@$(VENV)/bin/ruff format --check
	@$(VENV)/bin/mypy

cluster: $(READY) ## add Dask, Ray and S3 to .venv from requirements-cluster.lock
	@$(VENV)/bin/python -m pip install -qq --disable-pip-version-check --no-input \
	  --no-deps --require-hashes -r requirements-cluster.lock

trackers: $(READY) ## an MLflow server in .venv-trackers, for the tests that pull from one
	@$(VENV)/bin/python -m venv $(VENV)-trackers
	@$(VENV)-trackers/bin/python -m pip install -qq --disable-pip-version-check --no-input \
	  --no-deps --require-hashes -r requirements-trackers.lock

audit-deps: $(READY) ## known vulnerabilities of the locked packages; needs the network
	@$(VENV)/bin/python -m venv $(VENV)-audit
	@$(VENV)-audit/bin/python -m pip install --quiet pip-audit
	@sh .ci/audit $(VENV)-audit/bin/pip-audit requirements.lock requirements-dev.lock \
	  requirements-cluster.lock
	@sh .ci/audit $(VENV)-audit/bin/pip-audit requirements-trackers.lock

release: $(READY) ## build the wheels, try them in fresh environments, write their hashes to dist/
	@sh .ci/release $(VENV)

sizes: $(READY) ## what each extra takes to install, from the wheels in dist/; a quarter of an hour
	@$(VENV)/bin/python .ci/sizes.py dist > docs/benchmarks/install.md.new
	@mv docs/benchmarks/install.md.new docs/benchmarks/install.md

docs: $(READY) ## the documentation site in site/, every link checked
	@NO_MKDOCS_2_WARNING=1 $(VENV)/bin/python -m mkdocs build --quiet --strict

lock: ## resolve pyproject.toml into the lock files
	@sh .ci/lock '$(UV_VENV)' '$(PYTHON)'

clean: ## remove what make and the tools wrote (never data, reports or DVC's cache)
	rm -rf site $(VENV) $(UV_VENV) $(VENV)-audit $(VENV)-trackers .prefect .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
