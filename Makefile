# What people do with this tree. `make help` lists it.

# The first run counts: the development build is there in a fraction of the time that the release build takes, it is
# the same one that the tests use, and its libraries are optimised. `make run PROFILE=release` starts the other one.
PROFILE ?= dev
LISTEN ?= 127.0.0.1:8080
DATA ?= data
# make run BOT=1 starts the Python example bot beside it.
BOT ?=

# The stories wait for clocks and sockets more than they compute.
TEST_THREADS ?= $(shell echo $$((2 * $$(nproc))))

# What browsers get is a part of the program.
web = $(shell find web/console web/widget web/ui web/build -type f -not -name '*.test.ts') web/package-lock.json

folder = target/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))

.DEFAULT_GOAL := help
.PHONY: help run test web test-web lint fmt bench chaos chaos-short packages

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

run: web ## build what is needed and serve http://localhost:8080 with example conversations and a shop; BOT=1: and a bot
	cargo build --profile $(PROFILE) -p frontdesk
	$(if $(BOT),examples/bots/beside.sh $(DATA) http://$(LISTEN)) $(folder)/frontdesk serve --data $(DATA) --listen $(LISTEN) --demo --allow-outbound 127.0.0.0/8 --log-format text --log warn

test: packages web ## install what the tests need and run all of them
	cargo build -p frontdesk
	RUST_TEST_THREADS=$(TEST_THREADS) tests/run
	examples/check.sh target/debug/frontdesk
	$(MAKE) test-web
	$(MAKE) chaos-short

packages: # what the tests need beside Rust and Node; installed on Debian, a clear failure elsewhere
	.ci/packages

web: web/dist/manifest.json ## build what browsers get into web/dist, where something of it has changed

web/dist/manifest.json: $(web) | web/node_modules/.package-lock.json
	npm --prefix web run --silent build
	@touch crates/web/build.rs # the next cargo build takes it in

test-web: web # what browsers get: rules, sizes, and pages in a real browser, with the real server
	cargo build -p frontdesk
	npm --prefix web run --silent test

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	npm --prefix web ci --silent
	@touch $@

lint: web/node_modules/.package-lock.json ## formatting, lints and types with warnings as errors, licences and sources of dependencies
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo deny check licenses bans sources
	npm --prefix web run --silent check

fmt: ## format everything
	cargo fmt --all

bench: ## measure a release build against what this machine allows, and in large stores
	cargo build --release -p frontdesk -p frontdesk-bench
	target/release/bench limits
	target/release/bench stores
	target/release/bench streams
	target/release/bench webhooks
	target/release/bench polling
	target/release/bench social
	target/release/bench routing

chaos: ## kill the server a hundred times under load and look for what was lost; then the power cuts and the controls
	tests/chaos/run full

chaos-short: ## the same in about a minute, as a part of make test
	tests/chaos/run short
