#!/usr/bin/env bash
# The races of cases 3 to 6, each as a function that plays it and prints one word: the owner that the registry shows
# in the end, or "none". Case 3 to 6 compare the word with what must be; case 13 plays the same functions with libnvme's
# rule instead of ours. Brings lib.sh along.
#
# $writer says how an entry is written: by `nvme-registry register`, as libnvme does, or the owner only.
# $holding says how udevd is held back: its queue stopped, or the daemon itself.
# shellcheck disable=SC2034 # $shown is for the cases
. ./lib.sh

writer=product
holding=queue

write_entry() { # DEVICE OWNER
    case $writer in
    product) nvme-registry register "$1" --owner "$2" ;;
    libnvme) libnvme_entry "$1" "$2" ;;
    bare) libnvme_entry "$1" "$2" '' ;;
    esac
}

hold_udevd() {
    settle
    case $holding in
    queue) udevd_hold ;;
    daemon) udevd_stop ;;
    esac
}
release_udevd() {
    case $holding in
    queue) udevd_release ;;
    daemon) udevd_resume ;;
    esac
    settle
}

# Plays one scenario from a clean state and leaves one. Sets $shown.
play() { # SCENARIO [ARGUMENT...]
    say "scenario $*, entries written by $writer, udevd held by its $holding"
    "$@"
    shown=$(owner_shown nvme0)
    say "in the registry: $(entry nvme0)"
    [[ ! -e /sys/class/nvme/nvme0 ]] || take_down nvme0
    settle
    rm -rf "$registry"
}

owner_shown() {
    if [[ -e $registry/$1/owner ]]; then
        cat "$registry/$1/owner"
    else
        echo none
    fi
}

# --- case 3: udevd is late ---

first_owner() {
    connect_stranger loop race
    settle
    write_entry nvme0 first
    hold_udevd
    take_down nvme0
}

# The name is used again, by somebody who registers.
recycled_registered() {
    first_owner
    connect_stranger loop race
    write_entry nvme0 second
    release_udevd
}

# The name is used again, by somebody who does not know the registry.
recycled_unknown() {
    first_owner
    connect_stranger loop race
    release_udevd
}

# The second one is gone, too.
both_gone() {
    first_owner
    connect_stranger loop race
    write_entry nvme0 second
    take_down nvme0
    release_udevd
}

# Three generations, the last one registered.
third_registered() {
    first_owner
    connect_stranger loop race
    take_down nvme0
    connect_stranger loop race
    write_entry nvme0 third
    release_udevd
}

# Three generations, the last one unknown to the registry.
third_unknown() {
    first_owner
    connect_stranger loop race
    write_entry nvme0 second
    take_down nvme0
    connect_stranger loop race
    release_udevd
}

# --- case 3: the rule itself is late, held between two of its steps in udevd's sandbox ---

# handler_held PATH CALLS [STAMP]: the handler of the first one's remove event stops at its first call of CALLS on PATH.
# Meanwhile the name is used again and registered, with STAMP instead of a right one if that is given.
handler_held() {
    connect_stranger loop race
    settle
    write_entry nvme0 first
    hold_rule "$1" "$2"
    take_down nvme0
    held_rule
    connect_stranger loop race
    if (($# == 3)); then
        libnvme_entry nvme0 second "$3"
    else
        write_entry nvme0 second
    fi
    proceed_rule
}

# --- case 5: synthetic events ---

synthetic() { # ACTION...
    local action
    for action; do
        udevadm trigger --action="$action" --settle /sys/class/nvme/nvme0
    done
}

synthetic_live() {
    connect_stranger loop race
    settle
    write_entry nvme0 first
    synthetic add change remove
}

# An entry of an earlier controller whose events are all handled: taken aside while they are.
synthetic_stale() {
    connect_stranger loop race
    settle
    write_entry nvme0 first
    cp -a "$registry/nvme0" "$case_dir/stale"
    take_down nvme0
    connect_stranger loop race
    settle
    rm -rf "$registry/nvme0"
    mv "$case_dir/stale" "$registry/nvme0"
    synthetic "$@"
}

# --- case 6: the controller dies before its entry is there ---

# Connected, dead, its events handled; then the orchestrator gets to registering it.
dead_before_registered() {
    connect_stranger loop race
    take_down nvme0
    settle
    write_entry nvme0 first || say "refused, exit code $?"
}

# The orchestrator has begun: it read what it needs, and the controller dies before the entry is published.
dead_before_published() {
    connect_stranger loop race
    settle
    if [[ $writer == product ]]; then
        hold /sys/kernel/uevent_seqnum openat nvme-registry register nvme0 --owner first
        take_down nvme0
        settle
        proceed
    else
        local stamp
        stamp=$(</sys/kernel/uevent_seqnum)
        take_down nvme0
        settle
        libnvme_entry nvme0 first "$stamp"
    fi
}
