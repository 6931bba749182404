# Coverage-guided fuzzing with cargo-fuzz and libFuzzer; included by the Makefile.
.PHONY: fuzz

# Seconds for each target; F="argv sysfs" runs only those.
FUZZ_SECONDS ?= 20
F ?= argv uevent attribute fabrics sysfs

# Coverage is counted in the edges that the linker left in the binary of the target.
fuzz: tools ## fuzz everything that reads from outside, FUZZ_SECONDS (20) each; an input that fails is kept in tests/fuzz/artifacts
	@command -v cargo-fuzz >/dev/null || $(CARGO) install --locked cargo-fuzz
	@for target in $(F); do \
	  mkdir -p "$(CARGO_TARGET_DIR)/fuzz/$$target" && \
	  $(CARGO) fuzz run --fuzz-dir tests/fuzz --target-dir "$(CARGO_TARGET_DIR)/fuzz/build" --sanitizer none $$target \
	    "$(CARGO_TARGET_DIR)/fuzz/$$target" "tests/fuzz/corpus/$$target" \
	    -- -max_total_time=$(FUZZ_SECONDS) -dict=tests/fuzz/dictionaries/$$target.dict -print_final_stats=1 \
	    >"$(CARGO_TARGET_DIR)/fuzz/$$target.log" 2>&1 || { cat "$(CARGO_TARGET_DIR)/fuzz/$$target.log"; exit 1; }; \
	  awk -v target=$$target -v seconds=$(FUZZ_SECONDS) -f tests/fuzz/figures.awk \
	    "$(CARGO_TARGET_DIR)/fuzz/$$target.log" || exit 1; \
	done
