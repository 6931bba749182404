#!/usr/bin/env bash
# Runs in the guest: every selected case, one after the other, each from a clean state and in its own control group,
# so that whatever a case leaves behind ends with it. One line a case goes to the host as it happens (the second
# serial port) and to results.tsv: name, result, seconds. Nothing here decides whether the run passed; the host does.
set -uo pipefail

cd /usr/lib/vm-test || exit
export results=/run/results
# Seconds; a case takes a fraction of it under emulation, but the host may be busy.
limit=1800
mkdir -p "$results"
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 results "$results"
exec >"$results/runner.txt" 2>&1

. ./lib.sh
trap - EXIT ERR
set +e
modules_load
udevadm settle

group=/sys/fs/cgroup/vm-case
mkdir -p "$group"
while read -r name; do
    bash guest/reset.sh || printf 'the state before %s is not clean\n' "$name"
    printf '<5>vm-test: begin %s\n' "$name" >/dev/kmsg
    started=${EPOCHREALTIME/./}
    # Placed into the group before it becomes the case, so that no child escapes.
    (
        echo "$BASHPID" >"$group/cgroup.procs"
        exec timeout -k 5 "$limit" bash "cases/$name.sh"
    ) </dev/null >"$results/$name.txt" 2>&1
    code=$?
    echo 1 >"$group/cgroup.kill"
    case $code in
    0) result=PASS ;;
    124 | 137) result=TIMEOUT ;;
    *) result=FAIL ;;
    esac
    # A case that leaves the guest in a state that cannot be mended would fail the others for nothing.
    bash guest/reset.sh >>"$results/$name.txt" 2>&1 || { result=FAIL; printf 'reset failed\n' >>"$results/$name.txt"; }
    took=$(((${EPOCHREALTIME/./} - started) / 100000))
    printf '%s\t%s\t%d.%d\n' "$name" "$result" $((took / 10)) $((took % 10)) | tee -a "$results/results.tsv" >/dev/ttyS1
    printf '<5>vm-test: end %s: %s\n' "$name" "$result" >/dev/kmsg
done <selected

journalctl --sync
journalctl --no-pager -o short-monotonic >"$results/journal.txt"
journalctl --no-pager -o export >"$results/journal.export"
sync
