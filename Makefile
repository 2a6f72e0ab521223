# Each target sets up what it needs, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: install search test lint bench results clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "branchsearch needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

# The branching grid on the Materials Project table that the package ships, under a budget for two CPU cores.
search: install
	$(BIN)/python -m search.run space=branching dataset=mp rows=20000 recipe.epochs=6 $(ARGS)

test: install lint
	$(BIN)/python -m pytest $(ARGS)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# benchmarks.grid is not among them: made for a GPU, it trains for days on CPUs.
# time_to_accuracy trains by the paper's recipe to its early stopping from three seeds, for hours each; ARGS=--quick is short.
BENCHMARKS := data predict training orthogonal time_to_accuracy search_cost driver coverage faults databases

bench: install
	for benchmark in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$benchmark $(ARGS) || exit 1; done

# The paper's tables on JARVIS under a budget of about 25 minutes on two idle CPU cores; what MLflow holds is not run again.
RESULTS := dataset=jarvis rows=10000 recipe.epochs=10 output=docs/results collect=docs/results.md

results: install
	$(BIN)/python -m search.reproduce table=1 $(RESULTS) seeds=3 $(ARGS)
	$(BIN)/python -m search.reproduce figure=2 $(RESULTS) seeds=3 $(ARGS)
	$(BIN)/python -m search.reproduce table=2 $(RESULTS) seeds=2 $(ARGS)
	$(BIN)/python -m search.reproduce table=3 $(RESULTS) seeds=3 trials=100 time_budget=1m $(ARGS)
	$(BIN)/python -m search.reproduce table=4 $(RESULTS) trials=100 time_budget=30s $(ARGS)
	$(BIN)/python -m search.reproduce table=5 $(RESULTS) trials=100 time_budget=30s $(ARGS)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
