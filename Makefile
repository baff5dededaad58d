# cake: `make up` on a fresh Debian 12 or 13 with a Rust toolchain does everything and prints where the console is.
#
#   make up        packages, programs, engine root, images; starts both daemons     SETUP=FILE answers the setup wizard
#                  LAB=1 adds a laboratory: three servers with real BMCs (ipmi_sim) whose power starts and stops a QEMU each
#   make down      stops the daemons and the laboratory; virtual machines go on running                VMS=stop stops them too
#   make logs      follows both logs
#   make test      every test: Rust, real QEMU guests, a guest with systemd, a real browser
#   make image     the firmware of the appliance, target/image/cake.efi, and a stick to install it from
#                  KEYS=DIR the maker's keys  LOCKED=1 only locked packages  DEBUG=1 a root shell  FAST=1 packed less  VERSION=…
#   make test-image   the built image on whole servers, which QEMU emulates
#   make appliance    the built image on such a server, for people: screen on VNC, console on a port      RESET=1 blank disk
#   make bench-image  the built image beside plain Debian: its size, its starts, its memory, from a blank server to the first VM
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
# CAKE_APPLIANCE_HTTPS (127.0.0.1:9443) is where the console of `make appliance` answers.
# Written for GNU make; the work is in image/scripts.

SCRIPTS := image/scripts
export PATH := $(CURDIR)/target/tools/bin:$(PATH)
export SETUP LAB VMS PEERS RESET KEYS LOCKED DEBUG FAST VERSION RELEASE

.PHONY: help up down logs packages web build engine engine-root images installer systemd-root test image image-base test-image appliance bench-image soak bench fmt lint lint-scripts deny clean-state contract buildroot-check buildroot
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

# The firmware: what it is made of stands in image/appliance.toml.
image: build engine
	@$(SCRIPTS)/image.sh

# The image's packages and the tools that make it, fetched while the compiler is at something else.
image-base:
	@$(SCRIPTS)/image-base.sh

test: packages
	@+$(MAKE) --no-print-directory -j4 build engine installer systemd-root
	@$(SCRIPTS)/test.sh

# The built image on whole servers, which QEMU emulates.
test-image: image
	@$(SCRIPTS)/test.sh --profile image

appliance:
	@$(SCRIPTS)/appliance.sh

bench-image: image
	@target/release/cake-image-bench

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
