#!/bin/bash -eu
# ClusterFuzzLite: builds the fuzz targets and puts each into $OUT, with its seed corpus and its dictionary beside it under
# the names that ClusterFuzzLite and OSS-Fuzz look for. Can be run alone: OUT=/tmp/out tests/fuzz/clusterfuzzlite/build.sh
# needs nightly Rust, cargo-fuzz and zip.
#
# ClusterFuzzLite reads its configuration from .clusterfuzzlite at the top of the tree and from nowhere else: that is a
# link to this directory.
cd "$(dirname "$(readlink -f "$0")")"
# In the container this file is a copy beside the tree.
if [[ -d nvme-registry ]]; then cd nvme-registry/tests/fuzz; else cd ..; fi

build=${CARGO_TARGET_DIR:-$PWD/target}
cargo fuzz build --fuzz-dir . --target-dir "$build" -O --debug-assertions
for source in fuzz_targets/*.rs; do
    target=$(basename "$source" .rs)
    cp "$build/x86_64-unknown-linux-gnu/release/$target" "$OUT/"
    cp "dictionaries/$target.dict" "$OUT/"
    zip -q -j -r "$OUT/${target}_seed_corpus.zip" "corpus/$target"
done
