PYTHON ?= python3
BIN := .venv/bin
WORDS := app/translations/ru/LC_MESSAGES/messages.mo

.DEFAULT_GOAL := help
.PHONY: run test check bench words reference lock help clean

run: .venv/run.stamp $(WORDS) ## set up, then start everything on this machine, with the demo company
	@$(BIN)/otklik up --demo

test: .venv/dev.stamp $(WORDS) ## set up, then run every test this machine can run
	@$(BIN)/pytest -n logical --maxprocesses 2 --dist loadscope

check: .venv/dev.stamp ## lint, types, architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/dev.stamp $(WORDS) ## measure every budget beside its reference
	@$(BIN)/python -m benchmarks

words: .venv/dev.stamp ## gather what pages say into the Russian catalogue, to be translated there
	$(BIN)/pybabel -q extract -F babel.cfg -k lazy_gettext --no-location --sort-output --omit-header -o .venv/messages.pot .
	$(BIN)/pybabel -q update -l ru -i .venv/messages.pot -d app/translations --no-wrap --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date

reference: .venv/dev.stamp ## write docs/api.md from the code
	OTKLIK_DATA_DIR=.venv/reference $(BIN)/otklik reference > docs/api.md

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

%.mo: %.po .venv/run.stamp
	@$(BIN)/pybabel -q compile -i $< -o $@

.venv/run.stamp: requirements.lock pyproject.toml
	$(call install,requirements.lock)
	@touch $@

.venv/dev.stamp: requirements-dev.lock pyproject.toml
	$(call install,requirements-dev.lock)
	@touch $@ .venv/run.stamp
