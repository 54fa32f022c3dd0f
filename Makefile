# The front door: every command sets up what it needs. `make help` lists them.

CARGO ?= cargo
TEST_THREADS ?= 4
SHELL := /bin/sh
.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1	/' | expand -t 22

.PHONY: setup
setup: ## Find what a build needs; missing packages are asked for (YES=--yes: installed without asking)
	@./scripts/setup.sh $(YES)

.PHONY: build
build: setup ## Build the programs (debug)
	$(CARGO) build --locked

.PHONY: release
release: setup ## Build the programs (optimized)
	$(CARGO) build --locked --release

TARGET_FOLDER = $${CARGO_TARGET_DIR:-target}

# With dpkg-deb itself: its rules fit on one page (packaging/), and no tool has to be built first.
.PHONY: deb
deb: release ## Build the Debian package (target/debian/kanband_VERSION_ARCH.deb)
	@./scripts/setup.sh deb $(YES)
	@./packaging/build-deb.sh --programs "$(TARGET_FOLDER)/release" --out "$(TARGET_FOLDER)/debian"

.PHONY: demo
demo: demo-programs ## Show the main job on real processes, in a private home
	@"$(TARGET_FOLDER)/demo/kanban-demo"

.PHONY: demo-board
demo-board: demo-programs ## Open a board with tasks in every status, in a private home; Ctrl-C removes everything
	@"$(TARGET_FOLDER)/demo/kanban-demo" --board

# What builds fastest from nothing: no optimised dependency, no debug information, no courier with its TLS and mail.
.PHONY: demo-programs
demo-programs: setup ## Build the programs without the courier, as fast as can be, into target/demo
	$(CARGO) build --locked --profile demo --no-default-features --package kanband --package kanband-demo --bins

.PHONY: test
test: setup ## Run every test that needs nothing of others, with the minutes, tests and skips of each suite
	@CARGO="$(CARGO)" TEST_THREADS="$(TEST_THREADS)" ./scripts/test.sh

.PHONY: counts
counts: setup ## Run them and rewrite tests/counts.txt
	@CARGO="$(CARGO)" TEST_THREADS="$(TEST_THREADS)" ./scripts/test.sh --update-counts

.PHONY: ci
ci: ## The gate: format, lints, documentation, licences, counts, test, test-web, test-ext; a skip fails it
	@./scripts/setup.sh ci
	@./scripts/ci.sh

.PHONY: test-ext
test-ext: build ## Have MCP clients of others work the board, put nginx in front of its page, compare cron expressions, and install the package in a booted system (root)
	$(CARGO) build --locked --package kanband-test-support --bins
	@./tests/ext/run.sh "$(TARGET_FOLDER)/debug" "$(TARGET_FOLDER)/ext"
	@./packaging/install-test.sh nspawn "$(TARGET_FOLDER)/debug" "$(TARGET_FOLDER)/install-test"

.PHONY: web
web: ## Build the page anew into web/dist (brings Node, Chromium and a font where they are missing)
	@./scripts/setup-web.sh
	@./scripts/build-web.sh

.PHONY: test-web
test-web: build ## Test the page: types, its own tests, the committed bundle, and the board in a real browser
	@./scripts/setup-web.sh
	@./scripts/test-web.sh "$(TARGET_FOLDER)/debug"

.PHONY: pictures
pictures: build ## Take the pictures of the documents again (docs/pictures), with the text that each shows
	@./scripts/setup-web.sh
	@. scripts/node.sh && has_node && install_packages && KANBAND_TAKE_PICTURES=1 KANBAND_PROGRAMS="$$(realpath "$(TARGET_FOLDER)/debug")" node web/scripts/browser.mjs pictures

.PHONY: test-vm
test-vm: build ## The same in a virtual machine with every control group controller (root, some minutes)
	@./packaging/install-test.sh vm "$(TARGET_FOLDER)/debug" "$(TARGET_FOLDER)/install-test"

.PHONY: test-vm-old
test-vm-old: build ## The same with Linux 5.10, the oldest kernel that kanband runs on
	@KERNEL_RELEASE=bullseye ./packaging/install-test.sh vm "$(TARGET_FOLDER)/debug" "$(TARGET_FOLDER)/install-test"

# The last state before questions: its shims know of no moved deadline.
OLDER ?= d3e8b2e

.PHONY: test-upgrade
test-upgrade: build ## Have the programs of an older commit (OLDER) start runs, and this daemon take them over
	@CARGO="$(CARGO)" ./scripts/test-upgrade.sh "$(OLDER)" "$(TARGET_FOLDER)/debug"

SIM_SEED ?= $(shell date +%s)
SIM_SEQUENCES ?= 10000
SIM_SEEDS ?= 10000
SIM_ROUNDS ?= 10
SIM_RUNS ?= 1000
SIM_FUZZ ?= 20
SIM_FUZZ_SECONDS ?= 300

# A hundred deaths a round, each with a seed of its own: after each death everything acknowledged is looked for again.
.PHONY: sim
sim: setup ## Long random runs: board against model, supervision simulated and on real processes, daemon killed a thousand times, messages sent while all fails, boundaries fuzzed
	@echo "sim: make sim SIM_SEED=$(SIM_SEED) SIM_SEQUENCES=$(SIM_SEQUENCES) SIM_SEEDS=$(SIM_SEEDS) SIM_ROUNDS=$(SIM_ROUNDS) SIM_RUNS=$(SIM_RUNS) SIM_FUZZ=$(SIM_FUZZ) repeats this run"
	KANBAND_SEED=$(SIM_SEED) KANBAND_SEQUENCES=$(SIM_SEQUENCES) $(CARGO) test --locked --profile sim --test model
	KANBAND_SEED=$(SIM_SEED) KANBAND_SEEDS=$(SIM_SEEDS) $(CARGO) test --locked --profile sim --test sim -- --nocapture
	@round=0; while [ $$round -lt $(SIM_ROUNDS) ]; do \
		seed=$$(($(SIM_SEED) + round)); \
		echo "sim: KANBAND_SEED=$$seed, a hundred deaths"; \
		KANBAND_SEED=$$seed KANBAND_DEATHS=100 \
			$(CARGO) test --locked --profile sim --test daemon crash_points || exit 1; \
		round=$$((round + 1)); \
	done
	KANBAND_SEED=$(SIM_SEED) KANBAND_LEAK_RUNS=$(SIM_RUNS) KANBAND_KILLS=$(SIM_RUNS) KANBAND_POINT_DEATHS=100 KANBAND_STOPS=100 KANBAND_TIMEOUTS=100 KANBAND_CREATES=10000 \
		$(CARGO) test --locked --profile sim --test supervision -- --nocapture
	KANBAND_SEED=$(SIM_SEED) KANBAND_EVENTS=1000 KANBAND_ROUTES=50 $(CARGO) test --locked --profile sim --test courier storm
	KANBAND_SEED=$(SIM_SEED) KANBAND_FUZZ=$(SIM_FUZZ) $(CARGO) test --locked --profile sim --test fuzz
	@./scripts/fuzz.sh $(SIM_FUZZ_SECONDS)
	@echo "sim: seed $(SIM_SEED) held"

.PHONY: bench
bench: setup ## Measure the kernel's operations on boards of 100, 10,000 and 100,000 tasks, then supervision, then the page; count instructions
	$(CARGO) bench --locked --bench kernel
	@./scripts/bench-instructions.sh "$$($(CARGO) bench --locked --bench kernel --no-run 2>&1 | sed -n 's/^ *Executable.*(\(.*\))$$/\1/p')"
	$(CARGO) bench --locked --bench supervision
	$(CARGO) build --locked --release
	@./scripts/bench-web.sh "$(TARGET_FOLDER)/release"

# Flags: `BENCH_PEERS="--quick"`, `BENCH_PEERS="--only pueue"`; KANBAND_PROGRAMS=DIR uses programs that are built already.
.PHONY: bench-peers
bench-peers: setup ## Fetch peers from their registries, run the same work on them and on kanband in turns, and write docs/performance.md with its plots
	@CARGO="$(CARGO)" ./scripts/bench-peers/run.py $(BENCH_PEERS)

.PHONY: lint
lint: setup ## Check format and lints
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

.PHONY: docs
docs: setup ## Build the internal documentation, warnings denied
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items
