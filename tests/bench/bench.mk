# Small and fast: what it costs, what it may cost, and the other ways of building it; included by the Makefile.
.PHONY: floor bench budget-check pie-test tiny tiny-test tiny-tools cross-build cross-test reproducible dist dist-test

BENCH_TARGET_DIR ?= $(CARGO_TARGET_DIR)/bench
FLOOR := $(BENCH_TARGET_DIR)/$(TARGET)/release/floor
TINY_BIN := $(CARGO_TARGET_DIR)/tiny/$(TARGET)/release/nvme-registry
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

# The empty programs.
floor: tools
	CARGO_TARGET_DIR="$(BENCH_TARGET_DIR)" $(CARGO) build --release --target $(TARGET) --manifest-path tests/bench/floor/Cargo.toml --config .cargo/config.toml

bench: build floor ## times, counts and growth next to what it replaces; ROUNDS=200, BEFORE=BINARY compares with an older one
	@tests/bench/bench.sh "$(BIN)" "$(FLOOR)" $(or $(ROUNDS),200) $(BEFORE)
	@$(MAKE) --no-print-directory budget-check

budget-check: build ## exact counts of system calls and bytes against tests/bench/budget.toml
	NVME_REGISTRY_BIN="$(BIN)" $(CARGO) test --locked --test main budget_ -- --nocapture --test-threads=1 2>/dev/null \
	  | grep -E '^[a-z0-9_]+: |^test result|FAILED' ; \
	NVME_REGISTRY_BIN="$(BIN)" $(CARGO) test --quiet --locked --test main budget_

# Beside the fixed image, so that neither takes the place of the other.
pie-test: ## the integration tests on the position-independent binary
	$(MAKE) --no-print-directory build PIE=1 CARGO_TARGET_DIR="$(CARGO_TARGET_DIR)/pie"
	NVME_REGISTRY_BIN="$(CARGO_TARGET_DIR)/pie/$(TARGET)/release/nvme-registry" $(CARGO) test --locked --test main

# Nightly: the standard library built for size, and a panic that aborts without a word.
# The goal is 195000.
TINY_BYTES := 265000
# What makes code small beyond opt-level z, each a little: nothing that copies values in the hope of sharing them, branches
# for all but the longest lists of cases (an address in a table takes 8 bytes), and code that several branches end or begin
# with, once. And a file without a gap before its data.
TINY := -Zmir-enable-passes=-GVN $(addprefix -Clink-arg=,--defsym=compact=1 -znoseparate-code) \
  $(addprefix -Cllvm-args=-,min-jump-table-entries=12 tail-merge-size=2 enable-gvn-sink enable-gvn-hoist \
  hoist-common-insts split-spill-mode=size)
tiny: tiny-tools ## the smallest binary, on nightly Rust
	RUSTFLAGS="$(RUSTFLAGS) $(REMAP) $(SMALL) -Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none -Zfmt-debug=none $(TINY)" \
	CARGO_TARGET_DIR="$(CARGO_TARGET_DIR)/tiny" CARGO_PROFILE_RELEASE_PANIC=immediate-abort \
	  $(CARGO) +nightly build -Zpanic-immediate-abort -Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size \
	  --locked --release --target $(TARGET)
	@stat -c '%s bytes: %n' "$(TINY_BIN)"
	@test "$$(stat -c %s "$(TINY_BIN)")" -le $(TINY_BYTES) || { echo "more than $(TINY_BYTES) bytes" >&2; exit 1; }

tiny-test: tiny ## the integration tests on it
	NVME_REGISTRY_BIN="$(TINY_BIN)" $(CARGO) test --locked --test main

# The target too: what a program begins with, and libc, are not built but come with it.
tiny-tools: tools
	@command -v rustup >/dev/null || { echo "missing: rustup, which nightly Rust comes with" >&2; exit 1; }
	@rustc +nightly --version >/dev/null 2>&1 || rustup toolchain install nightly --profile minimal
	@sysroot=$$(rustc +nightly --print sysroot)/lib/rustlib && \
	{ test -e "$$sysroot/src/rust/library/Cargo.lock" || rustup component add --toolchain nightly rust-src; } && \
	{ test -d "$$sysroot/$(TARGET)/lib" || rustup target add --toolchain nightly $(TARGET); }

# Each links with the linker that comes with rustc: no C toolchain but this machine's own, for build scripts. The flags
# above know the others that rustup has too (arm, armv5te, armv7, i586, loongarch64, powerpc64le, riscv64gc): TARGETS="...".
# Where there is no standard library from rustup (mips, s390x), there is nothing to link with.
TARGETS ?= x86_64-unknown-linux-musl aarch64-unknown-linux-musl i686-unknown-linux-musl powerpc64-unknown-linux-musl

cross-build: ## the binary for each of TARGETS, and its size
	@for target in $(TARGETS); do \
	  $(MAKE) --no-print-directory build TARGET=$$target CARGO_TARGET_DIR="$(CARGO_TARGET_DIR)" || exit 1; \
	done
	@for target in $(TARGETS); do stat -c "%8s bytes  $$target" "$(CARGO_TARGET_DIR)/$$target/release/nvme-registry" || exit 1; done

cross-test: build ## the integration tests on the binary for another TARGET, under qemu-user
	@tests/bench/targets.sh $(TARGET) "$(BIN)"

# Compared: what was built here, and what a copy elsewhere gives.
reproducible: build ## two builds in different directories give the same bytes
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && copy="$$dir/else/where" && mkdir -p "$$copy" && \
	git ls-files -z | xargs -0 cp -P --parents -t "$$copy" && \
	$(MAKE) --no-print-directory -C "$$copy" build TARGET=$(TARGET) CARGO_TARGET_DIR="$$dir/target" && \
	cmp "$(BIN)" "$$dir/target/$(TARGET)/release/nvme-registry" && \
	sha256sum "$(BIN)" | sed 's/ .*/  the same bytes twice/'

DIST := $(CARGO_TARGET_DIR)/nvme-registry-$(VERSION).tar.xz

dist: ## a tarball with vendored sources that builds with no network; target/dist has what lies beside it (sums, SBOM, recipes)
	@CARGO="$(CARGO)" tests/bench/dist.sh pack "$(DIST)"
	@packaging/generate/dist-files.sh "$(DIST)" "$(CARGO_TARGET_DIR)/dist"

dist-test: build dist ## build from it with no network: the same bytes as here
	@CARGO="$(CARGO)" MAKE="$(MAKE)" tests/bench/dist.sh build "$(DIST)" $(TARGET) "$(BIN)"
