# HealthHub: `make demo` runs it, `make test` tests it. Needs Python 3.11 or newer and nothing else.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet --require-hashes
UV ?= uv
LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --custom-compile-command "make lock"
PO := $(wildcard locale/*/LC_MESSAGES/*.po)
MO := $(PO:.po=.mo)
ASSETS := $(shell find healthhub/web/assets -type f) scripts/build-assets.mjs

export PYTHONUTF8 = 1

.PHONY: help setup demo test check format bench simulate screenshots stop clean lock messages
.DELETE_ON_ERROR:

help:
	@echo "make demo    start HealthHub with an invented city, at http://localhost:8000 (PORT=… for another)"
	@echo "make test    run all tests              make check   format, types, layers, templates, migrations, translations"
	@echo "make bench   run the benchmarks         make format  put code and templates into the form that check wants"
	@echo "make simulate  ten years of call and recall in an invented city of 200,000; the books must balance every night"
	@echo "make stop    stop a running demo and its database and queue"
	@echo "make clean   delete everything that these commands made, the database in var/ included"
	@echo "make screenshots    take the README's pictures from a running demo"
	@echo "make lock    lock the dependencies      make messages  collect the texts to translate"

setup: $(BIN)/.runtime static/.built $(MO)

demo: setup
	@HEALTHHUB_DEMO=$${HEALTHHUB_DEMO:-1} exec $(BIN)/python -m healthhub.serve

# A process for each core, up to six (each has a browser, and the embedded PostgreSQL takes 60 connections). One file or
# one test alone: make test ARGS="tests/fhir -n0"
test: setup $(BIN)/.dev node_modules/.dev
	@scripts/chromium
	$(BIN)/python -m pytest -n logical --maxprocesses 6 --dist worksteal $(ARGS)

check: export HEALTHHUB_NO_SERVICES = 1
check: setup $(BIN)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --check --lint healthhub records screening
	HEALTHHUB_NO_SERVICES= $(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py translations check

format: setup $(BIN)/.dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/djlint --reformat --quiet healthhub records screening

bench: setup $(BIN)/.dev
	$(BIN)/python -m bench $(ARGS)

simulate: setup
	rm -rf var/simulation
	HEALTHHUB_VAR=$(CURDIR)/var/simulation HEALTHHUB_DEMO=1 $(BIN)/python manage.py migrate --verbosity 0
	HEALTHHUB_VAR=$(CURDIR)/var/simulation HEALTHHUB_DEMO=1 $(BIN)/python manage.py simulate_recall $(ARGS)

screenshots: setup $(BIN)/.dev
	$(BIN)/python scripts/screenshots.py

stop:
	@if [ -x $(BIN)/python ]; then $(BIN)/python scripts/stop.py; fi

clean: stop
	rm -rf .venv node_modules static static.new var $(MO) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

lock:
	$(LOCK) requirements.in --output-file requirements.txt
	$(LOCK) requirements-dev.in --output-file requirements-dev.txt --constraint requirements.txt
	$(LOCK) requirements-node.in --output-file requirements-node.txt

messages: setup
	$(BIN)/python manage.py translations extract

# What the commands above need. Each file marks a finished step, so that a second run does nothing.

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then echo "HealthHub needs Python 3.11 or newer (python3)." >&2; exit 1; fi
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "Python's venv is missing (Debian: apt install python3-venv)." >&2; exit 1; }

$(BIN)/.runtime: requirements.txt | $(BIN)/python
	@echo "Installing Python packages into .venv (about a minute) …"
	@$(PIP) --requirement requirements.txt
	@touch $@

$(BIN)/.dev: requirements-dev.txt $(BIN)/.runtime
	@echo "Installing the developers' Python packages into .venv …"
	@$(PIP) --requirement requirements-dev.txt
	@touch $@

node_modules/.runtime: package-lock.json .npmrc scripts/npm | $(BIN)/.runtime
	@echo "Installing npm packages into node_modules …"
	@scripts/npm ci --omit=optional --omit=dev --loglevel=error
	@touch $@

node_modules/.dev: node_modules/.runtime
	@scripts/npm ci --omit=optional --loglevel=error
	@touch node_modules/.runtime $@

static/.built: $(ASSETS) node_modules/.runtime
	@scripts/npm run --silent build
	@touch $@

%.mo: %.po | $(BIN)/.runtime
	@$(BIN)/python manage.py translations compile
