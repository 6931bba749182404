#!/usr/bin/env bash
# `make vm-test` and `make vm-shell`: run.sh test [CASE], run.sh shell. Builds the guest, installs the product into it,
# boots it once for all cases and judges what came back.
#
# VM_ROUNDS is how often case 17 plays its race; the case says how often it was. FLOOR is the directory of the bench's empty
# programs.
#
# What counts is the list made here, before the boot: a case without a PASS of its own (it failed, it timed out, the
# guest died before it) is a failure. CASE is numbers or names as in cases/; one that matches nothing is an error.
set -euo pipefail

mode=${1:?usage: run.sh test|shell [CASE]}
only=${2-}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
cache=$top/target/vm
# Seconds, for everything: the cases take about forty minutes under emulation, more on a busy host; this only ends a guest
# that hangs.
limit=9000

read -ra wanted <<<"$only"
selected=()
for file in "$here"/cases/[0-9][0-9]-*.sh; do
    name=${file##*/}
    name=${name%.sh}
    number=${name%%-*}
    ((${#wanted[@]} == 0)) && selected+=("$name")
    for word in "${wanted[@]}"; do
        [[ $word != "$name" && $word != "$number" && $word != "${number#0}" ]] || selected+=("$name")
    done
done
((${#selected[@]} && ${#selected[@]} >= ${#wanted[@]})) ||
    { printf 'vm-test: not every one of these is a case: %s\n' "$only" >&2; exit 2; }

mkdir -p "$cache"
# One guest at a time: the results are in one place, and a second QEMU would only slow both down.
exec {lock}>"$cache/lock"
flock --nonblock "$lock" || { printf 'vm-test: waiting for another run to end\n' >&2; flock "$lock"; }

"$here/host-packages.sh"
export PATH=$PATH:/usr/sbin:/sbin
base=$("$here/image.sh" "$cache")

# The second archive: the product as installed, and this directory.
layer=$cache/layer
rm -rf -- "$layer"
mkdir -p "$layer/usr/lib/vm-test" "$layer/etc/systemd/system"
"${MAKE:-make}" --no-print-directory -C "$top" install DESTDIR="$layer" >&2
cp -- "$here"/guest/*.{target,service} "$layer/etc/systemd/system/"
cp -r -- "$here"/{lib.sh,disks.sh,scenarios.sh,examples.sh,guest,cases} "$layer/usr/lib/vm-test/"
[[ $mode == shell ]] || cp -- "${FLOOR:?}"/{exit,floor} "$layer/usr/lib/vm-test/"
printf '%s\n' "${selected[@]}" >"$layer/usr/lib/vm-test/selected"
printf '%s\n' "${VM_ROUNDS:-1000}" >"$layer/usr/lib/vm-test/rounds"
(cd "$layer" && find . -mindepth 1 -print0 | LC_ALL=C sort -z |
    cpio --quiet --null --create --format=newc --owner=0:0) >"$cache/layer.cpio"

if [[ $mode == shell ]]; then
    exec "$here/boot.sh" "$cache" "$base" "$cache/layer.cpio" shell
fi

results=$cache/results
rm -rf -- "$results"
mkdir -p "$results"
: >"$results/results.tsv"
started=$SECONDS
timeout --foreground -k 5 "$limit" "$here/boot.sh" "$cache" "$base" "$cache/layer.cpio" test ||
    printf 'vm-test: the guest ended with status %d\n' "$?" >&2

passed=0 failed=0
for name in "${selected[@]}"; do
    result=$(awk -F '\t' -v name="$name" '$1 == name { print $2 }' "$results/results.tsv")
    if [[ $result == PASS ]]; then
        passed=$((passed + 1))
        continue
    fi
    failed=$((failed + 1))
    printf '\n%s: %s\n' "$name" "${result:-DID NOT RUN}"
    [[ ! -e $results/$name.txt ]] || tail -n 40 "$results/$name.txt" | sed 's/^/    /'
done
for file in table.md in-use.md nvme-cli.md storm.md figures.txt; do
    [[ ! -e $results/$file ]] || { echo; cat "$results/$file"; }
done
printf '\nvm-test: %d s; outputs, journal and console are in %s\n' $((SECONDS - started)) "${results#"$top/"}"
printf '%d passed, %d failed\n' "$passed" "$failed"
((failed == 0))
