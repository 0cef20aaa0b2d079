# make run, make test: everything from a fresh clone. PYTHON picks the interpreter (3.11 to 3.13), VENV the environment.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
MEMBERS := core plugins/aggregator plugins/alternative_me plugins/binance_dt plugins/coingecko plugins/crypto_api_clean plugins/etherscan \
           plugins/news plugins/sandbox server
STAMP := $(VENV)/.installed
AUDITED := $(VENV)/.audited

SENTIMENT := plugins/sentiment/src

.DEFAULT_GOAL := help
.PHONY: help install install-sentiment run test browser check audit bench format clean

help: ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ :/' | column -t -s:

install: $(STAMP) ## the environment, with every member installed editable

$(STAMP): pyproject.toml $(MEMBERS:%=%/pyproject.toml) server/hatch_build.py tools/requirements.py
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Feedmux needs Python 3.11 or newer; say which: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python tools/requirements.py | $(BIN)/python -m pip install --quiet --disable-pip-version-check -r /dev/stdin
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation $(MEMBERS:%=-e ./%)
	touch $@

install-sentiment: install ## the sentiment provider with PyTorch, about 1.5 GB; without it everything else works
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'torch>=2.9,<2.14'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -e ./plugins/sentiment

run: install ## the server on 127.0.0.1:8000, live where an upstream answers, else the sandbox
	$(BIN)/feedmux serve --sandbox auto

check: install ## style, types, boundaries; once a day known holes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=$(SENTIMENT) $(BIN)/lint-imports --no-logo
	@test -n "$$(find $(AUDITED) -newer $(STAMP) -mtime -1 2>/dev/null)" || $(MAKE) --no-print-directory audit

audit: install ## known holes in what is installed, as pip-audit's service knows them; fails only for a hole
	@$(BIN)/python tools/audit.py $(BIN)/pip-audit
	@touch $(AUDITED)

test: install check browser ## everything that CI runs
	$(BIN)/python -m pytest

browser: ## Chromium for the browser tests, put there by apt-get where CI is set; without one they are skipped
	@command -v chromium >/dev/null || test -z "$$CI" || test "$$(id -u)" != 0 || \
	{ apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends chromium >/dev/null; } || \
	echo 'chromium could not be installed: the browser tests are skipped'

bench: install ## ratios, measured side by side in one run
	$(BIN)/python -m bench

format: install ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## the environment and every cache
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
