#!/usr/bin/env bash
# The manual pages through mandoc's lint: not one remark, style included. What mandoc says about pages that this host
# happens not to have (nvme-cli's, udev's) is about this host. The footer names the program and its version in the place
# of the operating system, as is usual for a program that belongs to no system.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../man"
said=$(mandoc -T lint nvme-registry.8 nvme-registry.5 2>&1 |
    grep -v -e 'STYLE: referenced manual not found: Xr' -e 'outdated mandoc.db lacks' \
        -e 'STYLE: operating system explicitly specified: Os nvme-registry' || true)
[[ -z $said ]] || { printf '%s\n' "$said"; exit 1; }
# And it is a page: what would be empty has no remark either.
for page in nvme-registry.8 nvme-registry.5; do
    (($(mandoc -T utf8 "$page" | wc -l) > 100)) || { printf '%s: too short\n' "$page"; exit 1; }
done
echo 'the manual pages are clean'
