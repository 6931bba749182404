#!/usr/bin/env bash
# The whole life of a connection, over loop and tcp: connected with Debian's nvme-cli and registered by a script, or
# connected by `nvme-registry connect`; disconnected by either. The entry goes with the controller, and the journal
# tells the story in order, with owner and reason (H6).
. ./lib.sh

# What was done to the device, without the "kept" lines: whether udev's handling of the add event comes before or after
# the registration is up to the scheduler.
story() { journal_story "$@" | awk '$2 != "kept" { print $1, $2, $3 }'; }

for transport in loop tcp; do
    target "$transport" "$transport"

    journal_mark
    connect_nvme_cli "$transport" "$transport"
    equal "$transport: the first free name" nvme0 "$dev"
    settle
    expect 0 nvme-registry register nvme0 --owner script
    equal "$transport: the entry" 'owner=script' "$(entry nvme0)"
    expect 0 nvme-registry owner nvme0
    equal "$transport: its owner" script "$out"
    expect 1 nvme-registry check nvme0 --as stas
    expect 0 nvme disconnect -d nvme0
    settle
    equal "$transport, nvme-cli: the entry is gone" none "$(entry nvme0)"
    equal "$transport, nvme-cli: nothing is left" '' "$(leftovers)"
    told=$(story)
    equal "$transport, nvme-cli: the story" $'nvme0 registered script\nnvme0 removed script' "$told"
    equal "$transport, nvme-cli: the same by device" "$told" "$(story NVME_DEVICE=nvme0)"
    matches "$transport, nvme-cli: the reason" 'nvme0 removed script .*gone' "$(journal_story NVME_ACTION=removed)"
    matches "$transport, nvme-cli: in words" 'nvme0: remove event [0-9]+: entry of script .*removed: ' "$(journal_text NVME_ACTION=removed)"

    journal_mark
    connect_owned "$transport" "$transport" stas
    equal "$transport, connect: printed the device" nvme0 "$out"
    equal "$transport, connect: the kernel agrees" nvme0 "$(device_of "$transport")"
    equal "$transport, connect: the entry" 'owner=stas' "$(entry nvme0)"
    equal "$transport, connect: the incarnation" "$(stat -L -c %i /sys/class/nvme/nvme0)" "$(<"$registry/nvme0/incarnation")"
    settle
    expect 0 nvme-registry status
    matches "$transport, connect: status" "nvme0 +stas +- +$transport " "$out"
    expect 1 nvme-registry disconnect nvme0 --owner nbft
    matches "$transport, connect: refused to a stranger, who learns the owner" 'stas' "$err"
    equal "$transport, connect: still there" yes "$(there nvme0)"
    expect 0 nvme-registry disconnect nvme0 --owner stas
    equal "$transport, connect: disconnected" no "$(there nvme0)"
    settle
    equal "$transport, connect: nothing is left" '' "$(leftovers)"
    told=$(story)
    # Whether `disconnect` says that it is done before or after udev's rule says that the entry is gone is open.
    equal "$transport, connect: the story begins" 'nvme0 registered stas' "$(head -n 1 <<<"$told")"
    equal "$transport, connect: and ends" $'nvme0 disconnected stas\nnvme0 removed stas' "$(tail -n +2 <<<"$told" | sort)"
    equal "$transport, connect: the same by device" "$told" "$(story NVME_DEVICE=nvme0)"
done
