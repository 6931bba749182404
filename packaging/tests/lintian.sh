#!/usr/bin/env bash
# lintian on the Debian package, source (with the crates in vendor/) and binary: lintian.sh CACHE. Its own word for "clean":
# no error, no warning that has no override.
set -euo pipefail

cache=${1:?usage: lintian.sh CACHE-DIR}
started=$SECONDS
lintian --allow-root --fail-on error,warning --display-info "$cache"/deb/nvme-registry_*.changes | tee "$cache/deb/lintian.log"
printf 'lintian: %d s\n' $((SECONDS - started))
