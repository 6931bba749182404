#!/usr/bin/env bash
# Makes sure that this host has the tools that something is tested with: installs the Debian packages that are missing
# when it is root, names them and fails otherwise. A missing tool is never a reason to skip a test.
#
#   needs.sh WHO THING:PACKAGE...     THING is a command, or a file by its path
set -euo pipefail

who=$1
shift
# Some tools live where only root's PATH looks.
PATH=$PATH:/usr/sbin:/sbin

missing=()
for need; do
    thing=${need%%:*}
    [[ -e $thing ]] || command -v "$thing" >/dev/null || missing+=("${need#*:}")
done
((${#missing[@]})) || exit 0

if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
    printf '%s: missing; as Debian packages: %s\n' "$who" "${missing[*]}" >&2
    exit 1
fi
printf '%s: installing %s\n' "$who" "${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get -q update >&2
apt-get -q install -y --no-install-recommends "${missing[@]}" >&2
