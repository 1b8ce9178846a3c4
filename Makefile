# The two commands: `make run`, `make test`. Everything they need beyond Python, Rust and a C compiler they install.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := run
.PHONY: run build dev test test-full bench wheel audit clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The one place for recordings, where it stands beside the checkout.
ifneq ($(wildcard ../shared/data),)
export TIDERACE_DATA ?= $(abspath ../shared/data)
endif
export PIP_DISABLE_PIP_VERSION_CHECK := 1

SOURCES := $(shell find crates python/tiderace -name '*.rs' -o -name '*.toml' -o -name '*.py' -o -name '*.html' -o -name '*.css' -o -name '*.js') \
           Cargo.toml Cargo.lock pyproject.toml

run: build ## Run the main job: 40 BTC by TWAP over three books.
	@$(BIN)/tiderace run examples/twap_three_books.toml

build: $(BIN)/.built ## Make the virtual environment and build everything.

$(BIN)/.ready: requirements-dev.lock
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet -r requirements-dev.lock
	@touch $@

$(BIN)/.built: $(BIN)/.ready $(SOURCES)
	@echo "building the core (about a minute the first time)"
	@$(BIN)/maturin develop --release --locked --quiet >$(VENV)/build.log 2>&1 || { cat $(VENV)/build.log; exit 1; }
	@touch $@

test: build ## Run every test; prints each suite's seconds.
	@$(BIN)/python tests/run.py

test-full: build ## The same with the slow suites at full length.
	TIDERACE_FULL=1 $(BIN)/python tests/run.py

bench: build ## Run every bench.
	$(BIN)/tiderace bench all

wheel: $(BIN)/.ready ## Build a wheel and try it in a clean virtual environment.
	rm -rf dist
	$(BIN)/maturin build --release --locked --quiet --out dist
	rm -rf $(VENV)-wheel
	$(PYTHON) -m venv $(VENV)-wheel
	$(VENV)-wheel/bin/pip install --quiet dist/*.whl
	cd $(VENV)-wheel && bin/tiderace doctor
	rm -rf $(VENV)-wheel

audit: $(BIN)/.ready ## Look for known holes and unwanted licences in what we depend on.
	$(BIN)/pip-audit -r requirements.lock
	command -v cargo-deny >/dev/null || cargo install --locked --quiet cargo-deny
	cargo deny --locked check

clean: ## Remove what was built.
	rm -rf $(VENV) $(VENV)-wheel target dist out
