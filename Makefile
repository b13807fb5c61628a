# Two commands do everything on a machine that has a Rust toolchain, a C compiler and make:
#   make demo   builds Sotto and shows two people talking through a mixnet on this machine; make demo ROUTE=tor or
#               ROUTE=tor+mix does it over a private Tor network, which needs the program tor
#   make test   formatting, lints, documentation and every test, with each step's time; needs tor, tcpdump and
#               iproute2, which it installs on Debian when it runs as root

SHELL := bash
CARGO ?= cargo
ROUTE ?= mix
PROFILE_DIR := $(or $(CARGO_TARGET_DIR),target)/debug

.PHONY: demo test setup build fmt lint doc check book

demo: setup build
	$(PROFILE_DIR)/sotto-demo --route $(ROUTE)

test:
	@scripts/setup.sh tests
	@scripts/steps.sh

setup:
	@scripts/setup.sh

build:
	$(CARGO) build --locked --workspace --bins

fmt:
	$(CARGO) fmt --all --check

lint:
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --document-private-items

check:
	$(CARGO) test --locked --workspace

# For reading; needs mdBook (cargo install mdbook).
book:
	mdbook build docs
