PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: run test check bench lock help clean

run: .venv/run.stamp ## set up, then start everything on this machine
	@$(BIN)/otklik up

test: .venv/dev.stamp ## set up, then run every test this machine can run
	@$(BIN)/pytest

check: .venv/dev.stamp ## lint, types, architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/dev.stamp ## measure every budget beside its reference
	@$(BIN)/python -m benchmarks

lock: .venv/dev.stamp ## pin every dependency again
	$(BIN)/uv pip compile pyproject.toml --universal -p 3.11 --generate-hashes --no-header -q --upgrade -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal -p 3.11 --generate-hashes --no-header -q --upgrade -c requirements.lock -o requirements-dev.lock
	echo uv | $(BIN)/uv pip compile - --universal -p 3.11 --generate-hashes --no-header -q --upgrade -o requirements-uv.lock

help: ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 10

clean: ## remove what was set up, never the data
	rm -rf .venv

# uv is fast and comes from the registry like everything else; where it cannot run, pip does the same work.
define install
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-uv.lock || echo "uv is not to be had; going on with pip"
	@$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r $(1) \
	 || $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $(1)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
endef

.venv/run.stamp: requirements.lock pyproject.toml
	$(call install,requirements.lock)
	@touch $@

.venv/dev.stamp: requirements-dev.lock pyproject.toml
	$(call install,requirements-dev.lock)
	@touch $@ .venv/run.stamp
