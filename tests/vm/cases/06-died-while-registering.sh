#!/usr/bin/env bash
# The controller dies between being connected and being registered, or between the entry's publication and its
# verification. Whoever registers is told (exit code 4), and no entry is left that nobody would ever clean up (H3).
. ./scenarios.sh

target loop race

play dead_before_registered
equal "dead before it was registered: nothing in the registry" none "$shown"
connect_stranger loop race
take_down nvme0
expect 4 nvme-registry register nvme0 --owner first
matches "says that it is gone" 'nvme0' "$err"

play dead_before_published
equal "dead before the entry was published: nothing in the registry" none "$shown"
equal "dead before the entry was published: exit code" 4 "$code"

# Published, and the remove event comes before the verification, or after it.
for when in handled pending; do
    connect_stranger loop race
    settle
    journal_mark
    hold "$registry" renameat2 nvme-registry register nvme0 --owner first
    equal "$when: the entry is public" first "$(owner_shown nvme0)"
    [[ $when == handled ]] || udevd_hold
    take_down nvme0
    [[ $when == pending ]] || settle
    proceed
    equal "$when: exit code" 4 "$code"
    equal "$when: nothing is left" '' "$(leftovers)"
    udevd_release
    settle
    equal "$when: nothing is left after the events" '' "$(leftovers)"
    matches "$when: the log has the removal and why" 'nvme0 removed first .+' "$(journal_story)"
done

# The same, and the name is somebody else's by then: the successor's entry is not touched.
connect_stranger loop race
settle
hold "$registry" renameat2 nvme-registry register nvme0 --owner first
recycle nvme0 loop race
settle
nvme-registry register nvme0 --owner second
proceed
equal "recycled before the verification: exit code" 4 "$code"
equal "recycled before the verification: the successor's entry" 'owner=second' "$(entry nvme0)"
take_down nvme0
settle

# connect registers by itself; the same holds.
options loop race
hold "$registry" renameat2 nvme-registry connect --owner first "${opts[@]}"
take_down nvme0
settle
proceed
equal "connect, dead before verified: exit code" 4 "$code"
equal "connect, dead before verified: prints no device" '' "$out"
equal "connect, dead before verified: nothing is left" '' "$(leftovers)"
