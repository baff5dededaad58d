# cake: `make up` on a fresh Debian 12 or 13 with a Rust toolchain does everything and prints where the console is.
#
#   make up        packages, programs, engine root, images; starts both daemons     SETUP=FILE answers the setup wizard
#                  LAB=1 adds a laboratory: three servers with real BMCs (ipmi_sim) whose power starts and stops a QEMU each
#   make down      stops the daemons and the laboratory; virtual machines go on running                VMS=stop stops them too
#   make logs      follows both logs
#   make test      every test: Rust, real QEMU guests, a guest with systemd, a real browser
#   make soak      what takes longer: fuzzing, power cuts, kill storms
#   make bench     every speed beside its floor                                     PEERS=1 adds libvirt and Incus
#   make contract  kernel options of the roots from source, written from image/contract.toml
#   make buildroot-check    expands buildroot-config/ and holds it against the contract      BUILDROOT=<tree> LINUX=<kernel source>
#   make buildroot          builds target/image/cake-rescue.efi                              BUILDROOT=<tree>
#   make lint fmt  formatting and clippy; the shell scripts too
#   make clean-state   removes a stopped instance's state, with every disk in it
#
# CAKE_NETNS=NAME puts guests into a network namespace of that name, with a bridge; no link of the machine is ever changed.
# CAKE_STATE (.cake) and CAKE_HTTPS (127.0.0.1:8443) move an instance; CAKE_USER (cake) is the user of caked.
# Written for GNU make; the work is in image/scripts.

SCRIPTS := image/scripts
export PATH := $(CURDIR)/target/tools/bin:$(PATH)
export SETUP LAB VMS PEERS

.PHONY: help up down logs packages web build engine engine-root images installer systemd-root contract buildroot-check buildroot test test-image soak bench fmt lint lint-scripts deny clean-state
.DEFAULT_GOAL := help

help:
	@sed -n '2,/^$$/s/^# \{0,1\}//p' Makefile

# The engine root and the images download and unpack while the compiler works.
up: packages
	@+$(MAKE) --no-print-directory -j3 build engine
	@$(SCRIPTS)/up.sh

down:
	@$(SCRIPTS)/down.sh

logs:
	@$(SCRIPTS)/logs.sh

clean-state:
	@$(SCRIPTS)/clean-state.sh

packages:
	@$(SCRIPTS)/host-packages.sh

# What the console takes from npm, as the lock file says.
web: web-ui/node_modules/.vendored
web-ui/node_modules/.vendored: web-ui/package.json web-ui/package-lock.json web-ui/vendor.mjs
	cd web-ui && npm ci --no-audit --no-fund --loglevel=error && npm run --silent vendor
	@touch $@

# The whole workspace at once: with other packages chosen, features differ and every dependency would compile twice.
build: web
	cargo build --release --workspace --bins

# What virtual machines run in and what they boot.
engine: engine-root images

engine-root:
	@$(SCRIPTS)/engine-root.sh

images:
	@$(SCRIPTS)/cake-tiny.sh

# A CD that the tests install from.
installer:
	@$(SCRIPTS)/installer.sh

systemd-root:
	@$(SCRIPTS)/systemd-root.sh

contract:
	cargo run --release -p cake-contract -- fragments

# Without a tree of Buildroot there is nothing to expand on: it says so and is content.
buildroot-check:
	@$(SCRIPTS)/buildroot.sh check '$(BUILDROOT)' '$(LINUX)'

buildroot:
	@$(SCRIPTS)/buildroot.sh build '$(BUILDROOT)'

test: packages
	@+$(MAKE) --no-print-directory -j4 build engine installer systemd-root
	@$(SCRIPTS)/test.sh

# There is no bootable image yet, so there is nothing to try here: its seed, the systemd guest, is tried by `make test`.
test-image:
	@echo 'cake: there is no bootable image yet; its seed (a guest with systemd as process 1) is tried by make test'

soak: build engine
	@$(SCRIPTS)/longer.sh soak

bench: build engine
	@$(SCRIPTS)/longer.sh bench

fmt:
	cargo fmt --all

lint: web lint-scripts
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets -- -D warnings

lint-scripts:
	shellcheck -x image/scripts/*.sh image/lab/*.sh .ci/run
	shellcheck -s sh $(shell find image/guests -name init -o -name rc -o -name load -o -name '*.script' -o -name guest-run)
	shellcheck -s sh buildroot-config/board/*/*.sh buildroot-config/board/rescue/rootfs/usr/sbin/*

deny:
	@$(SCRIPTS)/deny.sh
