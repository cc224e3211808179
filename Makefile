# leadgate: everything a fresh machine with python3 (3.11 or later) and make can do.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready

.PHONY: setup run test check bench lock openapi clean

setup: $(STAMP)

$(STAMP): requirements.lock requirements-dev.lock pyproject.toml scripts/setup.sh
	@PYTHON=$(PYTHON) sh scripts/setup.sh $(VENV)
	@touch $(STAMP)

run: setup
	@$(BIN)/leadgate demo --data-dir var/demo $(ARGS)

test: setup
	@sh scripts/test-tools.sh
	@$(BIN)/python -m pytest -n 2 $(ARGS)

check: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: setup
	@sh scripts/test-tools.sh wrk
	@$(BIN)/python -m bench $(ARGS)

lock: setup
	@sh scripts/lock.sh $(BIN)/uv

openapi: setup
	@$(BIN)/python -m app.api.openapi > openapi/openapi.json

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache .hypothesis
