# Works with GNU make and BSD make. Everything goes into a virtual environment beside this file.

PYTHON ?= python3
VENV = .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed

.PHONY: all demo test check format clean dist lock simulate fuzz faults soak bench

all: demo

# The main job on an embedded default: no mail server or database needed.
demo: $(STAMP)
	@$(BIN)/tablewatch demo

# With root, smtpd and MariaDB on the machine, also against the real ones. So many tests run beside
# each other, more than there are processors, as most of them wait; a file's tests stay together, and
# those of the real mail server come first.
WORKERS ?= 4
test: $(STAMP) check
	@$(BIN)/python -m tests.stack.chroot --if-possible
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --platform linux
	$(BIN)/mypy --platform openbsd7
	$(BIN)/lint-imports --no-logo

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The core against a simulated world: so many seeds; a seed that fails prints how to replay it.
SEEDS ?= 10000
simulate: $(STAMP)
	$(BIN)/python -m tests.simulation --seeds $(SEEDS)

# Every fuzz target for so many seconds each.
SECONDS_EACH ?= 60
fuzz: $(STAMP)
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS_EACH)

# As root, with smtpd and MariaDB on the machine: every fault, bare beside supervised.
faults: $(STAMP)
	@$(BIN)/python -m tests.stack.chroot --if-possible
	$(BIN)/python -m tests.stack.faults --write docs/faults.md

# As root, likewise: mixed load and random faults for so many minutes.
MINUTES ?= 30
soak: $(STAMP)
	@$(BIN)/python -m tests.stack.chroot --if-possible
	$(BIN)/python -m tests.stack.soak --minutes $(MINUTES) --write docs/soak.md

# What a supervisor costs, beside bare backends and socat; some ten minutes on an idle machine.
bench: $(STAMP)
	@$(BIN)/python -m tests.stack.chroot --if-possible
	$(BIN)/python -m tests.bench --write docs/performance.md

# A release in dist/: the same bytes for the same commit, see docs/releasing.md.
dist: $(STAMP)
	@$(BIN)/python -m tools.dist

# The newest versions that pyproject.toml allows, for every Python from 3.11, and their licences.
LOCK = $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --extra dev \
	--generate-hashes --no-emit-package colorama --no-emit-package tzdata
lock: $(STAMP)
	$(PIP) install 'uv>=0.5'
	$(LOCK) --custom-compile-command 'make lock' -o requirements-dev.txt pyproject.toml
	$(PIP) install --require-hashes -r requirements-dev.txt
	$(BIN)/python -m tools.licences >docs/licences.md

PIP = $(BIN)/python -m pip --quiet --disable-pip-version-check
$(STAMP): pyproject.toml requirements-dev.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements-dev.txt
	$(PIP) install --no-index --no-deps --no-build-isolation -e .
	touch $(STAMP)

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
