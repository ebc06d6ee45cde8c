# Everything a person or a machine runs here. `make help` lists it.

# The first Python that is new enough; PYTHON=… chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done)
BIN := .venv/bin

.PHONY: help up test check test-real bench soak venv dev screenshots python
.DEFAULT_GOAL := help

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

python:
	@test -n "$(PYTHON)" || { echo 'error: Python 3.11 or newer is missing.' >&2; \
		echo 'hint: Run: sudo apt-get install python3 python3-venv   (macOS: brew install python)' >&2; \
		echo '      Is one there under another name? make PYTHON=/path/to/python3.12 …' >&2; exit 4; }

up: python ## set up what is missing and start the bot (with no token: a sandbox to try it in)
	@$(PYTHON) deploy/prepare.py --tools
	@$(BIN)/maf up $(ARGS)

venv: python ## build .venv, with maf in it
	@$(PYTHON) deploy/prepare.py

dev: python
	@$(PYTHON) deploy/prepare.py --tools --tests

test: dev ## run the tests
	$(BIN)/python -m tests.run $(ARGS)

check: dev ## formatting, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test-real: dev ## run the tests that need the real Codex, Claude Code, bd, Chromium and PostgreSQL
	$(BIN)/python -m tests.real.install
	MAF_KILL_ROUNDS=50 $(BIN)/python -m tests.run tests/flow/test_kill.py tests/real $(ARGS)
	MAF_REAL_CLIS=newest $(BIN)/python -m tests.run -m every_version tests/real $(ARGS)

bench: dev ## measure, and compare with what is promised
	$(BIN)/python -m tests.real.install ccusage
	$(BIN)/python -m tests.bench $(ARGS)

soak: dev ## run long, at random: 10,000 updates, 200 interleavings of cards and keys
	$(BIN)/python -m tests.soak $(ARGS)

screenshots: dev ## take the picture of the README again
	$(BIN)/python -m tests.real.screenshots
