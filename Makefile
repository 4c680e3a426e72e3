# Every target does its own set-up: a fresh machine needs Python 3.11 or newer, its venv module, and make.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: help demo test test-all lint docs bench clean

help:
	@echo "make demo      check the sample sites: a table of verdicts, a map and a report in demo-output/"
	@echo "make test      run the everyday tests"
	@echo "make test-all  run every test, the slow ones too (Spark needs Java 17, PostGIS a server: see .ci/run)"
	@echo "make lint      ruff, mypy, import-linter"
	@echo "make docs      build the documentation in docs/_build/html"
	@echo "make bench     time the library beside its peers (small workload)"

# one stamp a group of packages, renewed when pyproject.toml changes
$(VENV)/.made:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.test: $(VENV)/.demo
	$(BIN)/python -m pip install --quiet --editable ".[all,fast,dask,spark,postgis]" --group test
	touch $@

$(VENV)/.lint: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --group lint
	touch $@

$(VENV)/.docs: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --group docs
	touch $@

# a benchmark without peers compares with nothing; where one has no wheel its row says that it is missing
$(VENV)/.peers: $(VENV)/.test
	-$(BIN)/python -m pip install --quiet --editable ".[fast,postgis]" --group peers
	touch $@

demo: $(VENV)/.demo
	$(BIN)/ecozones demo --output demo-output

test: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow"

test-all: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --dist loadgroup

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

bench: $(VENV)/.peers
	$(BIN)/python -m benchmarks --size S

clean:
	rm -rf $(VENV) demo-output docs/_build docs/generated docs/notebooks docs/law docs/internet_scale.md docs/_static/growth.svg benchmarks/data
