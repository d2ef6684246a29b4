# `make` alone lists the targets.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
BIN := .venv/bin
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1# else it asks the network for a newer one
export PYTHONDONTWRITEBYTECODE :=# else each of a thousand processes compiles all of it anew

.PHONY: help setup demo check test test-long screenshots simulate torture mutants bench bench-quick bench-flow bench-console bench-matching bench-policies bench-budgets format lock clean

help: ## List the targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1\t\2/p' Makefile | expand -t 16

setup: .venv/installed ## Make .venv with all that Mainstay needs (quick the second time)

demo: setup ## Run the demo
	$(BIN)/mainstay demo

check: setup ## Lint, formatting, types, and that imports point down
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports --no-logo

test: setup ## Run the tests; a part of them: make test ARGS="tests/test_tidy.py -x"
	@scripts/chromium
	$(BIN)/pytest -n 2 --dist worksteal -m "not long" $(ARGS)

test-long: setup ## Run the tests that take long: kills, exams, many real commands
	@scripts/chromium
	$(BIN)/pytest -n 2 --dist worksteal -m long $(ARGS)

screenshots: setup ## Take the pictures of all screens anew, into docs/screens
	@scripts/chromium
	rm -f docs/screens/*.png
	MAINSTAY_SCREENS=docs/screens $(BIN)/pytest -m long tests/console/test_every_screen.py tests/console/test_demo_page.py

bench: setup .venv-bench/packages ## Measure Mainstay beside its peers, half an hour; fills README's table
	@$(BIN)/python benchmarks/full.py $(ARGS)

bench-quick: setup .venv-bench/packages ## The same in a minute; ends with the ratios as JSON
	@$(BIN)/python benchmarks/quick.py $(ARGS)

simulate: setup ## Simulate crashes at every boundary: make simulate SEEDS=2000 (docs/testing.md)
	$(BIN)/python -m mainstay.testing $(if $(SEEDS),--seeds $(SEEDS)) $(ARGS)

torture: setup ## Real faults on real processes, minutes: make torture SEED=7 ROUNDS=20 ARGS=F4 (docs/faults.md)
	$(BIN)/python tests/torture/torture.py --rounds $(or $(ROUNDS),5) $(if $(SEED),--seed $(SEED)) $(ARGS)

mutants: .venv-mutants/packages ## Break the kernel in thousands of small ways; a test must notice each (docs/mutants.md)
	.venv-mutants/bin/mutmut run $(ARGS)

bench-policies: setup ## Measure how many actions policies judge in a second; ends with a line of JSON
	@$(BIN)/python benchmarks/decisions.py

bench-budgets: setup ## Measure how often budgets hold and settle in a second; ends with a line of JSON
	@$(BIN)/python benchmarks/budgets.py

bench-console: setup ## Measure every page with 100,000 plans and 1,000,000 events, ten minutes; ends with JSON
	@$(BIN)/python benchmarks/console.py $(ARGS)

bench-flow: setup .venv-flow/packages ## Measure how much a stranger's words can do unasked, ten minutes; ends with JSON
	@PYTHONPATH=src .venv-flow/bin/python benchmarks/flow/apart.py
	@PYTHONPATH=src .venv-flow/bin/python benchmarks/flow/through.py $(ARGS)

bench-matching: setup ## Measure how well and how fast payments are matched
	$(BIN)/python benchmarks/matching.py $(ARGS)

format: setup ## Format the code, and mend what the linter can mend
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lock: ## Pin and hash what pyproject.toml requires; newest versions: make lock ARGS=--upgrade
	scripts/lock $(ARGS)

clean: ## Remove .venv, caches and build output
	rm -rf .venv .venv-bench .venv-flow .venv-mutants mutants .pytest_cache .ruff_cache .hypothesis .import_linter_cache .grimp_cache build dist
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# A requirement changed: all anew, so that nothing stays that is no longer wanted.
.venv/packages: requirements/run.txt requirements/dev.txt
	@scripts/venv .venv $^

# What Mainstay is measured beside shares nothing with it.
.venv-bench/packages: benchmarks/peers.txt
	@scripts/venv .venv-bench $^

# mutmut brings a screen of its own, which nothing else needs.
.venv-mutants/packages: requirements/run.txt requirements/dev.txt requirements/mutants.txt
	@scripts/venv .venv-mutants $^

# The suites of injections come with a hundred packages that Mainstay does not need.
.venv-flow/packages: benchmarks/flow/suites.txt
	@scripts/venv .venv-flow $^

.venv/installed: .venv/packages pyproject.toml
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --no-build-isolation --no-deps --editable .
	@touch $@
