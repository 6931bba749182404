# nvme-registry. `make help` lists the targets.
#
# Everything is done by cargo; make adds the musl target where rustup has not got it yet, takes the paths of this machine
# out of the binary, and installs.

PREFIX ?= /usr
BINDIR ?= $(PREFIX)/bin
# udev looks for programs that a rule names without a directory in its own directory alone, so this is the host's, whatever
# PREFIX is.
UDEVDIR ?= /usr/lib/udev
# Where an administrator's rules override the distribution's.
UDEV_ADMIN_RULES ?= /etc/udev/rules.d
# 1: also install a link to /dev/null over libnvme's own cleanup rule. Our rule keeps it from running anyway, by RUN:=; the
# mask is for hosts where our rule is changed to RUN+=.
MASK_LIBNVME_RULE ?= 0

TARGET ?= $(shell uname -m | sed 's/^i.86$$/i686/')-unknown-linux-musl
CARGO ?= cargo
CARGO_TARGET_DIR ?= $(CURDIR)/target
BIN := $(CARGO_TARGET_DIR)/$(TARGET)/release/nvme-registry

# No path of the build machine in the binary: panic messages carry the paths of source files.
CARGO_HOME ?= $(HOME)/.cargo
# The crates lie where cargo unpacks them, or in vendor/, under the same names; both become nothing. Looked up when it is
# used, after `tools` has fetched them.
CRATES = $(wildcard $(CURDIR)/vendor) $(shell ls -d "$(CARGO_HOME)"/registry/src/*/ 2>/dev/null | sed 's,/$$,,')
REMAP = --remap-path-prefix=$(CURDIR)= $(CRATES:%=--remap-path-prefix=%=)
export CARGO_TARGET_DIR

# 1: an image that the kernel puts at another address each time (PIE), for distributions that ask for it. The default is a
# fixed image, whose start takes 8 % less: the program relocates no pages. Stack, heap, mappings and vDSO are at random
# addresses either way.
PIE ?= 0

# How the image is linked. src/image.ld is the layout, and leaves out the unwinding tables and the unwinder. Also left out
# are: relocations, or else their long form (RELR: musl applies it since 1.2.4, so since Rust 1.93); all but one of
# functions that are the same; RELRO, which a static musl program never applies, and whose pages it pays for all the same;
# and, from LLVM, instructions that occur again and again, which become functions. LLVM does that for these architectures;
# for i686 it makes code that it cannot assemble, and the others do not know how.
# The path is relative: cargo starts rustc in the package, and a flag that differs between two places makes two different
# binaries.
ARCHITECTURE := $(firstword $(subst -, ,$(TARGET)))
ADDRESS := $(if $(filter 1,$(PIE)),,-C relocation-model=static)
RELR := $(shell $(CARGO) --version 2>/dev/null | awk '{ split($$2, v, "."); if (v[1] > 1 || v[2] >= 93) print "-C link-arg=--pack-dyn-relocs=relr" }')
OUTLINE := $(if $(filter x86_64 aarch64 arm% riscv64%,$(ARCHITECTURE)),-C llvm-args=-enable-machine-outliner=always)
# Rust links musl dynamically for the younger architectures unless told otherwise.
STATIC := $(if $(filter x86_64 i586 i686 aarch64 arm%,$(ARCHITECTURE)),,-C target-feature=+crt-static)
LAYOUT := -C relro-level=off $(addprefix -C link-arg=,-Tsrc/image.ld --no-eh-frame-hdr --no-rosegment -zseparate-loadable-segments)
# A panic says where it was and why. With RUST_BACKTRACE it would also list the frames that led there, which it cannot do
# without the unwinding tables. So the function that prints them gives way to one of the C library, which does nothing and
# returns 0; with it go a reader of debugging information and a decompressor, a third of the image. Its name has a hash of
# the compiler in it, and is looked up in the standard library of the target, once `tools` has fetched that. Where it has
# another name nothing is left out. On PowerPC every function of the standard library is reached from one table, and all
# would stay.
FRAMES := _RNvXNvMNtNtCs[0-9A-Za-z]+_3std3sys9backtraceNtB5_13BacktraceLock5printNtB2_16DisplayBacktraceNtNtCs[0-9A-Za-z]+_4core3fmt7Display3fmt
NO_FRAMES = $(if $(filter powerpc%,$(ARCHITECTURE)),,$(shell \
  grep -aohE '$(FRAMES)' "$$(rustc --print target-libdir --target $(TARGET))"/libstd-*.rlib 2>/dev/null | sort -u \
  | sed 's/.*/-C link-arg=--defsym=&=pthread_attr_destroy/'))
# Only rust-lld knows these, and only musl's targets are linked with it.
LINKING = $(strip $(ADDRESS) $(LAYOUT) -C link-arg=--icf=all -C link-arg=-O2 $(RELR) $(OUTLINE) $(STATIC) $(NO_FRAMES))
SMALL = $(if $(findstring musl,$(TARGET)),$(LINKING))
# Thin optimisation at link time leaves that function its name; fat does not, and is the smaller one otherwise.
LTO = $(if $(findstring --defsym=,$(SMALL)),thin,fat)

.DELETE_ON_ERROR:
.PHONY: all build help check fmt-check lint test prove prove-quick prove-list replay doc demo playground install uninstall clean tools

all: build ## build the static binary (the default)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  Variables: TARGET=$(TARGET) DESTDIR= PREFIX=$(PREFIX) MASK_LIBNVME_RULE=$(MASK_LIBNVME_RULE) PIE=$(PIE)"
	@echo "  The binary: $(BIN:$(CURDIR)/%=%)"
	@echo "  The tests, and how a change is made: tests/README.md"

tools:
	@command -v $(CARGO) >/dev/null || { echo "missing: cargo, the Rust build tool; see https://rustup.rs" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "missing: cc, a C compiler, which cargo links build scripts and tests with (Debian: apt install gcc libc6-dev)" >&2; exit 1; }
	@rustc --print target-libdir --target $(TARGET) >/dev/null 2>&1 \
	  && test -n "$$(ls "$$(rustc --print target-libdir --target $(TARGET))"/libstd-*.rlib 2>/dev/null)" \
	  || { command -v rustup >/dev/null && rustup target add $(TARGET); } \
	  || { echo "missing: Rust's standard library for $(TARGET), and no rustup that has it" >&2; exit 1; }
	@$(CARGO) fetch --quiet --locked --target $(TARGET)

build: tools ## build the static binary
	RUSTFLAGS="$(RUSTFLAGS) $(REMAP) $(SMALL)" CARGO_PROFILE_RELEASE_LTO=$(LTO) $(CARGO) build --locked --release --target $(TARGET)

# A pattern that no test has in its name is an error, not a run of no tests.
test: build ## all tests, on the binary that is shipped; T=PATTERN runs those with it in their names
ifneq ($(T),)
	@list=$$($(CARGO) test --quiet --locked --tests -- --list '$(T)') || exit 1; case "$$list" in *": test"*) ;; \
	  *) echo "make test: no test has '$(T)' in its name" >&2; exit 1 ;; esac
endif
	NVME_REGISTRY_BIN="$(BIN)" $(CARGO) test --locked $(if $(T),--tests -- '$(T)')

check: fmt-check lint doc test prove-quick ## the whole gate: format, clippy, docs, tests, a selection of the proof

# Seconds that the stress tests take in `make prove`, all at once.
STRESS_SECONDS ?= 60

# The explorer mostly waits for the programs that it traces: where it runs for a minute, optimising it costs more time
# than it saves.
PROVE = NVME_REGISTRY_BIN="$(BIN)" $(CARGO) test --locked

prove: build ## every schedule, failing system call and kill, stress and fuzzing (about 15 minutes); S=SCENARIO only that
	$(PROVE) $(if $(S),,--release) --test prove -- $(if $(S),--scenario '$(S)')
ifeq ($(S),)
	NVME_REGISTRY_BIN="$(BIN)" STRESS_SECONDS=$(STRESS_SECONDS) \
	  $(CARGO) test --locked --test main stress:: -- --nocapture
	@$(MAKE) --no-print-directory fuzz
endif

prove-quick: build ## a selection of the proof, with the same code; S=SCENARIO only that
	$(PROVE) --test prove -- --quick $(if $(S),--scenario '$(S)')

prove-list: ## the names that S takes
	@$(CARGO) test --quiet --locked --test prove -- --list

replay: build ## run one schedule that was kept and print its steps: R=FILE
	$(PROVE) --test prove -- --replay $(abspath $(or $(R),$(error R=FILE is missing: see target/prove and tests/prove/replays)))

fmt-check:
	$(CARGO) fmt --check

lint: tools
	$(CARGO) clippy --locked --all-targets -- --deny warnings

doc: tools
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --locked --no-deps --document-private-items

demo: build ## watch the main job happen in a sandbox: no privilege, no NVMe needed
	@tests/demo.sh "$(BIN)"

playground: build ## a shell in which nvme-registry works on a made-up host with a controller of every kind
	@tests/playground/playground.sh "$(BIN)"

# Built first, but not where there is no cargo and a binary is: sudo's PATH leaves out a user's own Rust.
install: $(if $(shell command -v $(CARGO)),build,$(if $(wildcard $(BIN)),,build)) install-extras ## install below DESTDIR and PREFIX
	install -D -m 0755 "$(BIN)" "$(DESTDIR)$(BINDIR)/nvme-registry"
	install -d "$(DESTDIR)$(UDEVDIR)"
	@# Relative within /usr. Elsewhere absolute: whether /lib is a link to usr/lib differs between this host and the target.
	ln -sfn "$$(case $(UDEVDIR):$(BINDIR) in \
	  /usr/*:/usr/*) realpath -ms --relative-to="$(UDEVDIR)" "$(BINDIR)/nvme-registry" ;; \
	  *) echo "$(BINDIR)/nvme-registry" ;; esac)" "$(DESTDIR)$(UDEVDIR)/nvme-registry"
	install -D -m 0644 udev/70-nvme-registry.rules "$(DESTDIR)$(UDEVDIR)/rules.d/70-nvme-registry.rules"
ifeq ($(MASK_LIBNVME_RULE),1)
	install -d "$(DESTDIR)$(UDEV_ADMIN_RULES)"
	ln -sfn /dev/null "$(DESTDIR)$(UDEV_ADMIN_RULES)/70-nvmf-registry.rules"
endif

uninstall: uninstall-extras ## remove what install installed
	rm -f "$(DESTDIR)$(BINDIR)/nvme-registry" "$(DESTDIR)$(UDEVDIR)/nvme-registry" \
	  "$(DESTDIR)$(UDEVDIR)/rules.d/70-nvme-registry.rules"
	@# Only our own mask: an administrator's rule of that name stays.
	if [ "$$(readlink "$(DESTDIR)$(UDEV_ADMIN_RULES)/70-nvmf-registry.rules")" = /dev/null ]; then \
	  rm -f "$(DESTDIR)$(UDEV_ADMIN_RULES)/70-nvmf-registry.rules"; fi

include tests/fuzz/fuzz.mk
include tests/vm/vm.mk
include packaging/packaging.mk
include tests/bench/bench.mk

clean: ## remove what was built
	$(CARGO) clean
