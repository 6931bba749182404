# Small and fast: what it costs, what it may cost, and the other ways of building it; included by the Makefile.
.PHONY: bench budget-check tiny reproducible dist cross-test

BENCH_TARGET_DIR ?= $(CARGO_TARGET_DIR)/bench
FLOOR := $(BENCH_TARGET_DIR)/$(TARGET)/release/floor
TINY_BIN := $(CARGO_TARGET_DIR)/tiny/$(TARGET)/release/nvme-registry
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

# What the linker leaves out: unwinding tables, which a program that aborts on panic never reads (small.ld); relocations
# in the packed form, which musl applies since 1.2.4, so since Rust 1.93; and all but one of functions that are the same.
# And one from LLVM: instructions that occur again and again become functions.
# Relative: cargo starts rustc in the package, and a flag that differs between two places makes two different binaries.
LINKER_SCRIPT := tests/bench/small.ld
RELR := $(shell rustc --version | awk '{ split($$2, v, "."); if (v[1] > 1 || v[2] >= 93) print "-C link-arg=--pack-dyn-relocs=relr" }')
SMALL := -C link-arg=-T$(LINKER_SCRIPT) -C link-arg=--no-eh-frame-hdr -C link-arg=--icf=all -C link-arg=-O2 $(RELR) -C llvm-args=-enable-machine-outliner=always

bench: build ## times and counts next to what it replaces; ROUNDS=7
	RUSTFLAGS="$(RUSTFLAGS) $(REMAP) $(subst $(LINKER_SCRIPT),$(CURDIR)/$(LINKER_SCRIPT),$(SMALL))" CARGO_TARGET_DIR="$(BENCH_TARGET_DIR)" \
	  $(CARGO) build --release --target $(TARGET) --manifest-path tests/bench/floor/Cargo.toml --config .cargo/config.toml
	@tests/bench/bench.sh "$(BIN)" "$(FLOOR)" $(ROUNDS)
	@$(MAKE) --no-print-directory budget-check

budget-check: build ## exact counts of system calls and bytes against tests/bench/budget.toml
	NVME_REGISTRY_BIN="$(BIN)" $(CARGO) test --locked --test main budget_ -- --nocapture --test-threads=1 2>/dev/null \
	  | grep -E '^[a-z0-9_]+: |^test result|FAILED' ; \
	NVME_REGISTRY_BIN="$(BIN)" $(CARGO) test --quiet --locked --test main budget_

# Nightly: the standard library built for size, and a panic that aborts without a word.
tiny: ## the smallest binary, on nightly Rust
	RUSTFLAGS="$(RUSTFLAGS) $(REMAP) $(SMALL) -Zunstable-options -Cpanic=immediate-abort -Zlocation-detail=none -Zfmt-debug=none" \
	CARGO_TARGET_DIR="$(CARGO_TARGET_DIR)/tiny" CARGO_PROFILE_RELEASE_PANIC=immediate-abort \
	  $(CARGO) +nightly build -Zpanic-immediate-abort -Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size \
	  --locked --release --target $(TARGET)
	@stat -c '%s bytes: %n' "$(TINY_BIN)"

# ptrace does not work under qemu-user: the modules that stop a process between its calls (races, budget, the explorer) are
# left out, and run natively.
QEMU = $(firstword $(shell command -v qemu-$(patsubst armv7,arm,$(patsubst i686,i386,$(firstword $(subst -, ,$(TARGET)))))))
cross-test: build ## the integration tests under qemu-user, with TARGET=...
	@test -n "$(QEMU)" || { echo "missing: qemu-user for $(TARGET) (Debian: apt install qemu-user)" >&2; exit 1; }
	@printf '#!/bin/sh\nexec %s %s "$$@"\n' "$(QEMU)" "$(BIN)" >"$(BIN)-qemu" && chmod +x "$(BIN)-qemu"
	NVME_REGISTRY_BIN="$(BIN)-qemu" $(CARGO) test --locked --test main -- --skip races:: --skip budget

reproducible: tools ## two builds in different directories give the same bytes
	@one=$$(mktemp -d) && two=$$(mktemp -d) && trap 'rm -rf "$$one" "$$two"' EXIT && \
	for place in "$$one" "$$two/deeper"; do \
	  mkdir -p "$$place" && git ls-files -z | xargs -0 cp --parents -t "$$place" && \
	  $(MAKE) --no-print-directory -C "$$place" build TARGET=$(TARGET) CARGO_TARGET_DIR="$$place/target" || exit 1; \
	done && \
	cmp "$$one/target/$(TARGET)/release/nvme-registry" "$$two/deeper/target/$(TARGET)/release/nvme-registry" && \
	sha256sum "$$one/target/$(TARGET)/release/nvme-registry" | sed 's/ .*/  the same bytes twice/'

dist: ## a tarball with vendored sources that builds with no network
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && top="$$dir/nvme-registry-$(VERSION)" && mkdir "$$top" && \
	git ls-files -z | xargs -0 cp --parents -t "$$top" && \
	(cd "$$top" && $(CARGO) vendor --locked --quiet vendor >"$$dir/source.toml" && cat "$$dir/source.toml" >>.cargo/config.toml) && \
	tar -C "$$dir" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$$(git log -1 --format=%ct)" \
	  -cJf "$(CARGO_TARGET_DIR)/nvme-registry-$(VERSION).tar.xz" "nvme-registry-$(VERSION)" && \
	echo "$(CARGO_TARGET_DIR)/nvme-registry-$(VERSION).tar.xz"
