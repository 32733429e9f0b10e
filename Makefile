# Everything that is done with this project by hand. `make` alone says what there is.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

UV := $(shell sed -n 's/^uv==//p' requirements-dev.txt)
PYTHON ?= python3.13 python3.12 python3.11 python3
SUITS = import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, $(3)))
STATE ?= .sandbox
VENV := .venv
VENV2 := .venv-airflow2
BENCH := $(VENV)-bench
STACK := $(VENV)/bin/python -m include.sandbox.stack --state $(STATE)/up
SETUP := $(VENV)/.installed
SETUP2 := $(VENV2)/.installed

help:  ## say what there is
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(SETUP)  ## install everything into .venv (Python 3.11 to 3.13)

$(SETUP): requirements-airflow3.lock
	@$(call install,$(VENV),requirements-airflow3.lock,13)

$(SETUP2): requirements-airflow2.lock
	@$(call install,$(VENV2),requirements-airflow2.lock,12)

# Its arguments: where to, what, and the newest minor version of Python 3 that will do.
define install
	for python in $(PYTHON); do \
		$$python -c "$(SUITS)" 2>/dev/null && break; python=; \
	done; \
	test -n "$$python" || { echo "This needs a Python from 3.11 to 3.$(3) with venv (on Debian: python3-venv): install one, or name it with PYTHON=..." >&2; exit 1; }; \
	echo "Installing $(2) into $(1)" >&2; \
	{ test -x $(1)/bin/python || $$python -m venv $(1); } >&2 && \
	$(1)/bin/python -m pip install --quiet uv==$(UV) >&2 && \
	$(1)/bin/uv pip install --quiet --python $(1)/bin/python --require-hashes -r $(2) >&2 && \
	touch $(1)/.installed
endef

demo: $(SETUP)  ## a week of all three sources through a real Airflow, compared with the truth
	@$(VENV)/bin/python -m include.sandbox.demo --state $(STATE)/demo

rebuild: $(SETUP)  ## the same week, then all of it again from the landing zone, the vendors switched off
	@$(VENV)/bin/python -m include.sandbox.rebuild --state $(STATE)/rebuild

test: $(SETUP) $(BENCH)/.installed  ## the tests, the demo among them (ARGS="-k name" goes to pytest)
	@$(VENV)/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

test-backfill: $(SETUP)  ## a week of backfills on Airflow 3, of which make test has one day
	@$(VENV)/bin/python -m pytest tests/end_to_end/test_backfill.py --backfill-days 7

test-airflow2: $(SETUP2)  ## the DAGs and their backfills on Airflow 2.11, in .venv-airflow2
	@$(VENV2)/bin/python -m pytest tests/test_policy.py tests/test_dependencies.py \
		tests/end_to_end/test_alerts.py tests/end_to_end/test_settings.py \
		tests/end_to_end/test_task_pages.py tests/end_to_end/test_form_of_airflow2.py \
		tests/end_to_end/test_backfill.py --backfill-days 7

test-celery: $(SETUP)  ## a week by Celery's workers, one of which is lost on the way (needs redis-server)
	@redis=$$(command -v redis-server) || { \
		echo "This needs redis-server: install it (on Debian: apt-get install redis-server)." >&2; \
		exit 1; \
	}; \
	$(VENV)/bin/python -m pytest tests/end_to_end/test_workers.py --redis-server $$redis

test-platforms: $(SETUP) $(SETUP2)  ## each platform's layout, and requirements.txt beside each Airflow
	@PYTHONPATH=plugins $(VENV)/bin/python -m tests.platforms \
		--python $(VENV)/bin/python --python $(VENV2)/bin/python

package: $(SETUP)  ## plugins.zip, a folder and a wheel, for platforms that take no include/ (into dist/)
	@PYTHONPATH=plugins $(VENV)/bin/python -m tools.package

docs: $(SETUP)  ## write the generated pages of docs/
	@PYTHONPATH=plugins $(VENV)/bin/python -m tools.docs

pictures: $(SETUP)  ## take the pictures of docs/ (needs chromium and chromedriver)
	@PYTHONPATH=plugins $(VENV)/bin/python -m tests.pictures --state $(STATE)/pictures

BENCHES := lab_sessions videoview real_files edx_logs activity airflow_runs
quick_lab_sessions := --rows 100000 --runs 3
quick_videoview := --rows 200000 --runs 3
quick_real_files := --rows 30000 --files 300 --ledger 100000
quick_edx_logs := --lines 50000 --runs 2 --large 0
quick_activity := --lines 100000
quick_airflow_runs := --runs 1 --readings 3
tools_edx_logs := --tools $(BENCH)/bin $(if $(FILE),--file $(FILE))

bench: $(SETUP) $(BENCH)/.installed  ## what the loader takes, beside a bare \copy and other ways (FILE=...: edX lines of your own; QUICK=1: with less data)
	@failed=; \
	$(foreach name,$(BENCHES),PYTHONPATH=plugins $(VENV)/bin/python -m benchmarks.$(name) \
		--state $(STATE)/bench $(tools_$(name)) $(if $(QUICK),$(quick_$(name))) || failed=yes;) \
	$(BENCH)/bin/python -m benchmarks.picture || failed=yes; \
	test -z "$$failed"

$(BENCH)/.installed: requirements-bench.lock
	@$(call install,$(BENCH),requirements-bench.lock,13)

fuzz: $(SETUP)  ## a million inputs over all readers, a million edX lines into the warehouse
	@PYTHONPATH=plugins $(VENV)/bin/python -m tests.fuzz.campaign $(FUZZ)
	@PYTHONPATH=plugins $(VENV)/bin/python -m tests.edx.campaign $(FUZZ)

chaos: $(SETUP)  ## 500 schedules of runs with faults, compared with the truth (CHAOS="--seed 2 --schedules 20")
	@PYTHONPATH=plugins $(VENV)/bin/python -m tests.chaos --state $(STATE)/chaos $(CHAOS)

up: $(SETUP)  ## the stack in the background, with Airflow's UI
	@$(STACK) up

down: $(SETUP)  ## stop it
	@$(STACK) down

env: $(SETUP)  ## export lines that point a shell at it
	@$(STACK) env

lint: $(SETUP)  ## ruff, mypy, sqlfluff
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/sqlfluff lint include/sql

lock: $(SETUP)  ## choose the versions again, for both Airflows
	@$(call compile,3.3.2,requirements-airflow3.lock)
	@$(call compile,2.11.2,requirements-airflow2.lock)
	@$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-annotate --no-emit-index-url --custom-compile-command "make lock" \
		requirements-bench.txt --output-file requirements-bench.lock

define compile
	echo "apache-airflow==$(1)" | $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-annotate --no-emit-index-url --custom-compile-command "make lock" \
	requirements-dev.txt - --output-file $(2)
endef

clean:  ## remove what make made: .venv, .sandbox and caches
	@test ! -x $(VENV)/bin/python || $(STACK) down
	@rm -rf $(VENV) $(VENV2) $(BENCH) $(STATE) dist .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help setup demo rebuild test test-backfill test-airflow2 test-celery test-platforms package \
	docs pictures bench fuzz chaos up down env lint lock clean
