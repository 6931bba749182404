#!/usr/bin/env bash
# udevd is killed with events in hand, and our program is killed at each step of a removal. What was not handled is left,
# but protects and names nobody; no entry of a live controller is touched; `sweep`, or the next controller of the name,
# takes what is left away. udevd itself is started again by systemd, and works as before.
. ./scenarios.sh

target loop race
target loop other
unit=systemd-udevd.service
# Everything of udevd, the programs that it runs included, and it is up again when this returns.
kill_udevd() {
    local old
    old=$(udevd_pid)
    systemctl kill --signal=KILL --kill-whom=all "$unit"
    wait_new() { local new; new=$(udevd_pid); [[ $new != 0 && $new != "$old" ]] && udevadm control --ping 2>/dev/null; }
    local end=$((SECONDS + 60))
    until wait_new; do ((SECONDS < end)) || { fail "udevd is not started again"; return 1; }; done
    settle
}

# The bystander: live and owned through everything. nvme0 is the one that goes.
connect_stranger loop race
connect_stranger loop other
settle
nvme-registry register nvme1 --owner bystander
take_down nvme0
settle
its_entry='nvme1 nvme1/incarnation nvme1/owner nvme1/seqnum'
bystander() { equal "$1: the bystander's entry" 'owner=bystander' "$(entry nvme1)"; }
# An entry that is left by a controller that is gone: nobody is told that it owns anything.
told_of_nobody() {
    run nvme-registry owner nvme0
    equal "$1: nobody is named as its owner" '' "$out"
    expect 0 nvme-registry list
    absent "$1: list does not show it" first "$out"
}
# The next controller of the name inherits nothing, and its own registration is seen.
next_one() {
    connect_stranger loop race
    settle
    equal "$1: the next controller has no owner" none "$(owner_shown nvme0)"
    nvme-registry register nvme0 --owner second
    expect 0 nvme-registry owner nvme0
    equal "$1: but its own" second "$out"
    take_down nvme0
    settle
    equal "$1: and its entry goes with it" none "$(entry nvme0)"
}
gone_with_first_owner() {
    connect_stranger loop race
    settle
    nvme-registry register nvme0 --owner first
}

# --- udevd ---

kills=0 left=0
for after in next-controller sweep; do
    for ((i = 0; i < 2; i++)); do
        gone_with_first_owner
        udevd_hold
        take_down nvme0
        kill_udevd
        kills=$((kills + 1))
        [[ $(entry nvme0) == none ]] || left=$((left + 1))
        told_of_nobody "udevd killed, $after"
        bystander "udevd killed, $after"
        if [[ $after == sweep ]]; then
            expect 0 nvme-registry sweep
            equal "udevd killed: sweep leaves the bystander's only" "$its_entry" "$(leftovers)"
        fi
        next_one "udevd killed, $after"
    done
done
gone_with_first_owner
expect 0 systemctl restart "$unit"
settle
equal "udevd restarted: the entry of a live controller is kept" first "$(owner_shown nvme0)"
take_down nvme0
settle
equal "udevd restarted: the entry goes with its controller" none "$(entry nvme0)"
figures "udevd killed $kills times with a removal in hand: entries left $left;" \
    "checked each time: all taken away by sweep or the next controller's event, and no owner told meanwhile"

# --- our program, in udevd's sandbox, at each call that it makes on the registry and the entry ---

# killed_at PATH CALL NUMBER: the handler of the remove event is killed when it has made that call. Sets $met to whether
# it makes so many.
killed_at() {
    gone_with_first_owner
    hold_rule "$1" "$2" "$3"
    take_down nvme0
    met=yes
    held_rule_or_done || met=no
    # As in proceed_rule: strace lets go first, and leaves it stopped.
    kill -INT "$held_strace"
    wait "$held_strace" || true
    exec {held_lines}>&-
    if [[ $met == yes ]]; then
        equal "what is killed" nvme-registry "$(<"/proc/$held_pid/comm")"
        kill -KILL "$held_pid"
    fi
    settle
}

places=0 halves=0
for place in "$registry openat" "$registry/nvme0 openat" "$registry/nvme0 fchmod" "$registry/nvme0 getdents64" \
    "$registry/nvme0 unlinkat" "$registry unlinkat"; do
    read -r path call <<<"$place"
    for ((number = 1; ; number++)); do
        killed_at "$path" "$call" "$number"
        [[ $met == yes ]] || { equal "$call: $((number - 1)) of it on $path, then the entry is gone" none "$(entry nvme0)"; break; }
        places=$((places + 1))
        say "killed after $call number $number on $path: left: $(leftovers)"
        [[ $(entry nvme0) == none ]] || halves=$((halves + 1))
        told_of_nobody "killed at $call $number"
        bystander "killed at $call $number"
        if ((number % 2)); then
            expect 0 nvme-registry sweep
            equal "killed at $call $number: sweep" "$its_entry" "$(leftovers)"
        fi
        next_one "killed at $call $number"
    done
done
equal "it was killed somewhere" yes "$( ((places >= 6)) && echo yes || echo "$places")"
figures "our program killed at $places system calls of a removal: entries left, whole or in part: $halves;" \
    "checked each time: no owner told, no live entry changed, all taken away by sweep or the next event"
