# `make help` lists the targets. Each makes or renews .venv first. Needs: Python 3.11 or newer, make, git.
# PYTHON is the first of these that runs and is new enough; override it with make PYTHON=/path/to/python.
PYTHON := $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
  $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
BIN := .venv/bin

# Make .venv again if PYTHON is given and .venv belongs to another Python.
ifeq ($(origin PYTHON),command line)
VERSION := -c 'import sys; print(sys.version)'
OTHER := $(shell test ! -e .venv || test "$$($(PYTHON) $(VERSION) 2>&1)" = "$$($(BIN)/python $(VERSION) 2>&1)" || echo other-python)
endif

.PHONY: other-python run test matrix test-lab browser document clients consumers race storm attack fuzz faults load bench bench-contenders record site selftest lint reference hooks lock clean help

run: .venv/run .env  ## serve the API with real data on 127.0.0.1:8000
	@exec $(BIN)/python manage.py serve_demo

# Each process takes whole files, so that a module's servers and lab runs start once. Four, because they wait a lot.
test: lint  ## run lint and every test, on SQLite and on PostgreSQL
	$(PYTEST) -m "not lab and not browser and not consumers"
	TEST_DATABASE=postgresql $(PYTEST) -m "not once"
# PYTHONDONTWRITEBYTECODE= keeps bytecode: without it, pytest rewrites 350 modules in each process, which takes 7 s.
PYTEST := ENV_FILE= PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n 4 --dist loadfile --no-loadscope-reorder

document: .venv/test .venv/document  ## check the OpenAPI document by openapi-spec-validator and, where npm is, by redocly
	@if command -v npm > /dev/null; then npm ci --no-audit --no-fund --loglevel=error --prefix tests/documents/openapi; \
	else echo "npm is not installed: redocly is skipped"; fi
	ENV_FILE= $(BIN)/pytest -q -rs tests/api/test_openapi.py tests/documents/test_openapi_linters.py

matrix:  ## run every test on each Django of pyproject.toml with each Python found; MATRIX="3.12:6.1 3.13::sqlite" chooses
	@$(PYTHON) -m tests.matrix $(MATRIX)

test-lab: .venv/test  ## run the lab's long tests: whole runs of every question
	$(PYTEST) -m lab

# `make`, not $(MAKE): with that, `make -n browser` would run the tests.
browser: .venv/test  ## run the tests in Chromium; without Chromium, say so and skip them
	@chromium=$$($(BIN)/python -c 'from tests.support.browsers import chromium_program; print(chromium_program() or "")') || exit 1; \
	if test -n "$$chromium"; then make --no-print-directory .venv/browser && ENV_FILE= $(BIN)/pytest -n 2 --dist loadfile -m browser tests/browser; \
	else echo "skipped: no Chromium found; install it (Debian: apt-get install chromium) or name it: CHROMIUM=/path/to/it"; fi

consumers: .venv/test .venv/consumers  ## verify our tokens with the libraries of other services; without Node, only with those for Python
	@if command -v node >/dev/null && command -v npm >/dev/null; then npm ci --silent --no-audit --no-fund --prefix tests/consumers; \
	else echo "skipped: the libraries for Node; install node and npm (Debian: apt-get install nodejs npm)"; fi
	ENV_FILE= $(BIN)/pytest -m consumers tests/consumers

clients: .venv/test .clients/venv/installed  ## use the clients that five generators make from /schema/; without Node, say so and use two
	@if command -v node >/dev/null && command -v npm >/dev/null; then make --silent --no-print-directory .clients/node_modules/installed; fi
	@ENV_FILE= $(BIN)/python -m tests.clients.generated

race: .venv/test  ## send requests from 64 clients with one credential to two workers, 20 rounds
	ENV_FILE= TEST_DATABASE=postgresql RACE_CLIENTS=64 RACE_ROUNDS=20 $(BIN)/pytest -s -v tests/database/test_race_over_http.py

storm: .venv/test  ## run 64 clients for ten minutes, then compare the database with what they did
	ENV_FILE= TEST_DATABASE=postgresql STORM_CLIENTS=64 STORM_SECONDS=600 $(BIN)/pytest -s -v tests/operations/test_storm.py

attack: .venv/test  ## send what an attacker would, to every scheme on both databases and to three servers; count the cases
	ENV_FILE= ATTACK_ALL_SERVERS=1 $(BIN)/pytest -q -n 2 -m attack tests/attacks
	ENV_FILE= TEST_DATABASE=postgresql $(BIN)/pytest -q -n 2 -m "attack and not once" tests/attacks

fuzz: .venv/test  ## compare random steps with a model and random requests with the OpenAPI document; FUZZ_EXAMPLES=1000 takes a night
	ENV_FILE= FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/pytest -q -n 2 -rP tests/operations/test_state_machines.py tests/api/test_contract.py
	ENV_FILE= FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) TEST_DATABASE=postgresql $(BIN)/pytest -q -n 2 -rP -m "not once" tests/operations/test_state_machines.py tests/api/test_contract.py
FUZZ_EXAMPLES ?= 20

faults: .venv/test  ## kill the server, PostgreSQL and Valkey and fill the disk, ten times each, on both databases: 15 minutes
	ENV_FILE= FAULT_RUNS=10 $(BIN)/pytest -q -s $(FAULTS)
	ENV_FILE= FAULT_RUNS=10 TEST_DATABASE=postgresql $(BIN)/pytest -q -s $(FAULTS)
FAULTS := tests/operations/test_faults.py tests/operations/test_killed.py tests/operations/test_full_disks.py

load: .venv/load  ## simulate users, then measure requests per second; inconclusive if the lab exits with 3, make with 2
	ENV_FILE= $(BIN)/python -m benchmarks users
	ENV_FILE= $(BIN)/python -m benchmarks load --scheme token --scheme token-cached --scheme jwt --seconds 2 \
	  --json results/load/load.json

bench: .venv/bench  ## measure what Token and JWT cost, with a report: one minute; inconclusive if the lab exits with 3, make with 2
	@code=0; \
	bench() { ENV_FILE= $(BIN)/python -m benchmarks "$$@" || { code=$$?; test $$code = 3 || exit $$code; }; echo; }; \
	bench overhead --budget 22 --json results/bench/overhead.json; \
	bench flows --budget 16 --json results/bench/flows.json; \
	bench revocation --trials 3 --json results/bench/revocation.json; \
	bench report results/bench/overhead.json results/bench/flows.json results/bench/revocation.json \
	  --html results/bench/report.html; \
	exit $$code

record: .venv/bench  ## make a record of the last `make bench`, to share it; MACHINE=name and LABEL=word name its folder
	@ENV_FILE= $(BIN)/python -m benchmarks record results/bench/*.json $(if $(MACHINE),--machine "$(MACHINE)") $(if $(LABEL),--label "$(LABEL)")

site: .venv/bench  ## make one static page of all records: results/site/index.html
	@ENV_FILE= $(BIN)/python -m benchmarks site records

selftest: .venv/bench  ## test whether the lab's verdicts are right: 45 minutes; continues where it was stopped
	ENV_FILE= $(BIN)/python -m benchmarks selftest

bench-contenders: .venv/contenders  ## measure every named contender: docs/reference/contenders.md
	ENV_FILE= $(BIN)/python -m benchmarks overhead --budget 240 $(CONTENDERS)
# `basic` is left out: it takes minutes.
CONTENDERS = $(shell $(BIN)/python -c 'from benchmarks.contenders.lineup import LINEUP; print(*(f"--contender {n}" for n in LINEUP if n != "basic"))')

lint: .venv/test  ## check format, style, imports, types, spelling, migrations, generated pages and README's figures
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo
	$(SETTINGS) $(BIN)/mypy
	$(BIN)/codespell
	$(SETTINGS) $(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m docs.reference.generate --check
	$(BIN)/python -m benchmarks splice --check
SETTINGS := ENV_FILE= SECRET_KEY=only-for-lint-which-signs-nothing

reference: .venv/test  ## write the generated pages of docs/reference from the code
	$(BIN)/python -m docs.reference.generate

hooks: .venv/test  ## check format, style, imports, types and spelling at each commit
	$(BIN)/pre-commit install

lock: .venv/test  ## compile requirements/*.txt from pyproject.toml
	$(COMPILE) --upgrade --extra bench --extra load --extra lock --extra test --output-file requirements/test.txt
	$(COMPILE) --constraint requirements/test.txt --output-file requirements/run.txt
	$(COMPILE) --constraint requirements/test.txt --extra document --output-file requirements/document.txt
	$(COMPILE) --constraint requirements/test.txt --extra bench --output-file requirements/bench.txt
	$(COMPILE) --constraint requirements/test.txt --extra bench --extra load --output-file requirements/load.txt
	$(COMPILE) --constraint requirements/test.txt --extra bench --extra contenders --output-file requirements/contenders.txt
	$(COMPILE) --constraint requirements/test.txt --extra browser --output-file requirements/browser.txt
	$(COMPILE) --constraint requirements/test.txt --extra consumers --output-file requirements/consumers.txt
	for version in 6.0 6.1; do echo "Django~=$$version.0" | \
	  $(BIN)/uv pip compile $(LOCK) --upgrade --no-deps --python-version 3.12 --output-file requirements/django-$$version.txt -; done
	$(BIN)/uv pip compile $(LOCK) --upgrade --python-version 3.11 --output-file $(GENERATED)/requirements.txt $(GENERATED)/requirements.in
LOCK := --quiet --universal --generate-hashes --no-header --no-annotate
# The service is locked to Django's long-term release; `make matrix` tests the others of pyproject.toml.
COMPILE = echo "Django<6" | $(BIN)/uv pip compile $(LOCK) --python-version 3.11 --extra service --constraint - pyproject.toml

clean:  ## remove .venv, .matrix, .clients and caches; keep the database and .env
	rm -rf .venv .matrix .clients .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## list the targets
	@sed -nE 's/^([a-z-]+):.*  ## (.*)/\1\t\2/p' Makefile | expand -t 18

# .venv/NAME is a stamp: requirements/NAME.txt is installed in .venv.
.venv/%: requirements/%.txt $(OTHER)
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer found; name one: make PYTHON=/path/to/python"; exit 1; }
	@test -x $(BIN)/python || { $(CHECK); $(PYTHON) -m venv .venv; }
	@echo "installing $<"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

# The generators have a folder and an environment of their own, because their packages are not the project's.
GENERATED := tests/clients/generated
.clients/venv/installed: $(GENERATED)/requirements.txt | .venv/test
	@echo "installing $<"
	@$(BIN)/python -m venv --clear .clients/venv
	@.clients/venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

.clients/node_modules/installed: $(GENERATED)/package-lock.json $(GENERATED)/package.json
	@echo "installing $<"
	@cp $^ .clients/
	@cd .clients && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

CHECK = test -n "$(PYTHON)" && $(PYTHON) -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
  { echo "error: PYTHON=$(PYTHON) is not Python 3.11 or newer with ensurepip"; exit 1; }

other-python:
	@$(CHECK)
	@echo "making .venv again with $(PYTHON), $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear .venv

.env:
	@umask 077; $(PYTHON) -c 'import secrets; print("SECRET_KEY=" + secrets.token_urlsafe(50))' > $@
