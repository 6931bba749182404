#!/usr/bin/env bash
# The integration tests on a binary for another architecture, under qemu-user: targets.sh TARGET BINARY
#
# The tests themselves are this machine's; they run the binary through a script that puts it under qemu. What they see of
# it is all the same, with one exception: who traces it (tests/support/trace.rs) traces qemu. So the tests that do are
# left out, and run natively in `make test`. They are found in the source: a module that has the tracer in scope, or a
# test that brings it there itself.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${1:?usage: targets.sh TARGET BINARY}
binary=${2:?usage: targets.sh TARGET BINARY}

architecture=${target%%-*}
case $architecture in
arm*) architecture=arm ;;
i?86) architecture=i386 ;;
powerpc*) architecture=ppc${architecture#powerpc} ;;
riscv64*) architecture=riscv64 ;;
esac
tests/needs.sh cross-test "qemu-$architecture:qemu-user"
qemu=$(command -v "qemu-$architecture")

mapfile -t traced < <(find tests -name '*.rs' -not -path 'tests/support/*' -not -path 'tests/prove/*' -not -path '*/fuzz/*' \
    -exec awk '
        FNR == 1 { module = FILENAME; sub(/.*\//, "", module); sub(/\.rs$/, "", module); whole = 0 }
        /^(pub )?fn / { test = $0; sub(/^(pub )?fn /, "", test); sub(/[(<].*/, "", test) }
        /^use .*support::.*(trace|Traced)/ && !whole++ { print module "::" }
        /^ +use .*support::.*(trace|Traced)/ && !whole { print module "::" test }' {} +)
# The program's own file and its memory are qemu's there: doctor compares the file, and a budget is of the memory.
traced+=(doctor:: peak::)
skip=()
for name in "${traced[@]}"; do skip+=(--skip "$name"); done

# Not only root can go there: some tests run it as nobody.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
install -m 0755 "$binary" "$dir/nvme-registry"
printf '#!/bin/sh\nexec %s %s "$@"\n' "$qemu" "$dir/nvme-registry" >"$dir/under-qemu"
chmod 0755 "$dir" "$dir/under-qemu"

log=$dir/log
NVME_REGISTRY_BIN=$dir/under-qemu cargo test --locked --test main -- "${skip[@]}" 2>&1 | tee "$log" | grep -v ' \.\.\. ok$' || true
awk -v target="$target" '
    /^test result: / { results++; ok = $3 == "ok."; passed = $4; failed = $6; skipped = $12 }
    END {
        printf "%s under qemu-user: %d passed, %d failed, %d left out (they trace)\n", target, passed, failed, skipped
        # A run of nothing is no success; nor is one in which most were left out.
        exit !(results == 1 && ok && !failed && passed > skipped)
    }' "$log"
