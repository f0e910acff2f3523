# Each target makes or renews .venv by itself. Needs: Python 3.11 or newer, make, git.
# The first of these that runs and is new enough; or make PYTHON=/path/to/python.
PYTHON := $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
  $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
BIN := .venv/bin

# Where a Python is named and .venv is of another one, .venv is made again, by the named one.
ifeq ($(origin PYTHON),command line)
VERSION := -c 'import sys; print(sys.version)'
OTHER := $(shell test ! -e .venv || test "$$($(PYTHON) $(VERSION) 2>&1)" = "$$($(BIN)/python $(VERSION) 2>&1)" || echo other-python)
endif

.PHONY: other-python run test race storm attack fuzz faults load bench bench-contenders selftest lint reference lock clean

run: .venv/run .env  ## serve the API with real data on 127.0.0.1:8000
	@exec $(BIN)/python manage.py serve_demo

# A file in one process: what its tests share, as a run of the lab or a server, is made once; in tests/conftest.py's order.
# Bytecode is kept even where the shell says not to: pytest rewrites 350 modules, which takes each process 7 s.
test: lint  ## every test, on SQLite and on PostgreSQL
	ENV_FILE= PYTHONDONTWRITEBYTECODE= $(BIN)/pytest $(SPREAD)
	ENV_FILE= PYTHONDONTWRITEBYTECODE= TEST_DATABASE=postgresql $(BIN)/pytest $(SPREAD) -m "not once"
SPREAD := -n 2 --dist loadfile --no-loadscope-reorder

race: .venv/test  ## 64 clients with one credential against a server with two workers, 20 rounds
	ENV_FILE= TEST_DATABASE=postgresql RACE_CLIENTS=64 RACE_ROUNDS=20 $(BIN)/pytest -s -v tests/database/test_race_over_http.py

storm: .venv/test  ## 64 clients who do everything at once for ten minutes; the database must end as their own steps say
	ENV_FILE= TEST_DATABASE=postgresql STORM_CLIENTS=64 STORM_SECONDS=600 $(BIN)/pytest -s -v tests/operations/test_storm.py

attack: .venv/test  ## what an attacker would send, against every row on both databases, and three servers; says how many cases
	ENV_FILE= ATTACK_ALL_SERVERS=1 $(BIN)/pytest -q -n 2 -m attack tests/attacks
	ENV_FILE= TEST_DATABASE=postgresql $(BIN)/pytest -q -n 2 -m "attack and not once" tests/attacks

fuzz: .venv/test  ## random lives of credentials beside a model, random requests beside the OpenAPI document; FUZZ_EXAMPLES=1000 for a night
	ENV_FILE= FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/pytest -q -n 2 -rP tests/operations/test_state_machines.py tests/api/test_contract.py
	ENV_FILE= FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) TEST_DATABASE=postgresql $(BIN)/pytest -q -n 2 -rP -m "not once" tests/operations/test_state_machines.py tests/api/test_contract.py
FUZZ_EXAMPLES ?= 20

faults: .venv/test  ## kill the server, PostgreSQL and Valkey, fill the disk: ten times each, on both databases, with a table; a quarter of an hour
	ENV_FILE= FAULT_RUNS=10 $(BIN)/pytest -q -s $(FAULTS)
	ENV_FILE= FAULT_RUNS=10 TEST_DATABASE=postgresql $(BIN)/pytest -q -s $(FAULTS)
FAULTS := tests/operations/test_faults.py tests/operations/test_killed.py tests/operations/test_full_disks.py

load: .venv/load  ## users who do as clients do, then how many requests per second; exit code 2 (3 of the lab): inconclusive
	ENV_FILE= $(BIN)/python -m benchmarks users
	ENV_FILE= $(BIN)/python -m benchmarks load --scheme token --scheme token-cached --scheme jwt --seconds 2 \
	  --json results/load/load.json

bench: .venv/bench  ## token or JWT, what does each cost? In a minute, with a report; exit code 2 (3 of the lab): inconclusive
	@code=0; \
	bench() { ENV_FILE= $(BIN)/python -m benchmarks "$$@" || { code=$$?; test $$code = 3 || exit $$code; }; echo; }; \
	bench overhead --budget 22 --json results/bench/overhead.json; \
	bench flows --budget 12 --processes 4 --json results/bench/flows.json; \
	bench revocation --trials 3 --json results/bench/revocation.json; \
	bench report results/bench/overhead.json results/bench/flows.json results/bench/revocation.json \
	  --html results/bench/report.html; \
	exit $$code

selftest: .venv/bench  ## can the lab be trusted? About three quarters of an hour, and it can be stopped
	ENV_FILE= $(BIN)/python -m benchmarks selftest

bench-contenders: .venv/contenders  ## the same with every contender that has a name: docs/reference/contenders.md
	ENV_FILE= $(BIN)/python -m benchmarks overhead --budget 240 $(CONTENDERS)
# All but basic, which takes minutes.
CONTENDERS = $(shell $(BIN)/python -c 'from benchmarks.contenders.lineup import LINEUP; print(*(f"--contender {n}" for n in LINEUP if n != "basic"))')

lint: .venv/test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	ENV_FILE= SECRET_KEY=only-for-makemigrations-which-signs-nothing $(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m docs.reference.generate --check

reference: .venv/test  ## write the generated pages of docs/reference from the code
	$(BIN)/python -m docs.reference.generate

lock: .venv/test  ## compile requirements/*.txt from pyproject.toml
	$(BIN)/uv pip compile $(LOCK) --upgrade --extra bench --extra load --extra lock --extra test --output-file requirements/test.txt pyproject.toml
	$(BIN)/uv pip compile $(LOCK) --constraint requirements/test.txt --output-file requirements/run.txt pyproject.toml
	$(BIN)/uv pip compile $(LOCK) --constraint requirements/test.txt --extra bench --output-file requirements/bench.txt pyproject.toml
	$(BIN)/uv pip compile $(LOCK) --constraint requirements/test.txt --extra bench --extra load --output-file requirements/load.txt pyproject.toml
	$(BIN)/uv pip compile $(LOCK) --constraint requirements/test.txt --extra bench --extra contenders --output-file requirements/contenders.txt pyproject.toml
LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate

clean:  ## remove what make made; the database and .env stay
	rm -rf .venv .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One environment; a stamp for each set of requirements that is installed in it.
.venv/%: requirements/%.txt $(OTHER)
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer found; name one: make PYTHON=/path/to/python"; exit 1; }
	@test -x $(BIN)/python || { $(CHECK); $(PYTHON) -m venv .venv; }
	@echo "installing $<"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

CHECK = test -n "$(PYTHON)" && $(PYTHON) -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
  { echo "error: PYTHON=$(PYTHON) is no Python 3.11 or newer with ensurepip"; exit 1; }

other-python:
	@$(CHECK)
	@echo "making .venv again: it is not of $(PYTHON), $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear .venv

.env:
	@umask 077; $(PYTHON) -c 'import secrets; print("SECRET_KEY=" + secrets.token_urlsafe(50))' > $@
