#!/usr/bin/env bash
# Makes sure that this host has the tools that something is built or tested with. A missing tool is never a reason to skip a
# test. What is missing is named, with the command that installs it, and that is an error: nobody who builds a package as
# root asked for others to be installed. INSTALL_NEEDS=1, which .ci/run sets, installs it.
#
#   needs.sh WHO THING:PACKAGE...     THING is a command, or a file by its path; PACKAGE is Debian's, or
#                                     cargo=NAME@VERSION
set -euo pipefail

who=$1
shift
# Some tools live where only root's PATH looks.
PATH=$PATH:/usr/sbin:/sbin

debian=() other=()
for need; do
    thing=${need%%:*} package=${need#*:}
    if [[ -e $thing ]] || command -v "$thing" >/dev/null; then continue; fi
    case $package in
    cargo=*) other+=("env -u CARGO_TARGET_DIR cargo install --locked --debug ${package#cargo=}") ;;
    *) debian+=("$package") ;;
    esac
done
((${#debian[@]} + ${#other[@]})) || exit 0

commands=()
((${#debian[@]} == 0)) || commands+=("apt-get install --no-install-recommends ${debian[*]}")
((${#other[@]} == 0)) || commands+=("${other[@]}")
if [[ ${INSTALL_NEEDS-} != 1 ]]; then
    printf '%s: missing: %s\n' "$who" "$(printf '%s; ' "${commands[@]}" | sed 's/; $//')" >&2
    printf '%s: INSTALL_NEEDS=1 does that by itself\n' "$who" >&2
    exit 1
fi
if ((${#debian[@]})); then
    if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
        printf '%s: these Debian packages are missing, and only root can install them: %s\n' "$who" "${debian[*]}" >&2
        exit 1
    fi
    printf '%s: installing %s\n' "$who" "${debian[*]}" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q update >&2
    apt-get -q install -y --no-install-recommends "${debian[@]}" >&2
fi
for command in "${other[@]}"; do
    printf '%s: %s\n' "$who" "$command" >&2
    # Debugging builds: they run for seconds here. Its own words, which have no blanks in them.
    # shellcheck disable=SC2086
    $command >&2
done
