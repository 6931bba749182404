#!/usr/bin/env bash
# Native multipath: a path may go as long as another one is usable, and the last usable path to a disk in use stays,
# whatever the order and whoever asks. A path that is inaccessible, or whose controller is not live, counts as none.
# And a target that is dead is answered about at once.
. ./disks.sh
holder=

# The path of a controller to $disk, by its ANA state.
ana() { # DEVICE
    cat "/sys/class/nvme/$1/${disk%n*}c${1#nvme}n${disk##*n}/ana_state" 2>/dev/null
}
has_ana() { [[ $(ana "$1") == "$2" ]]; }

# The second path of $disk. Sets $dev.
second_path() { # PORT NAME
    connect_stranger "$1" "$2"
    wait_until has_ana "$dev" optimized
    settle
}

# The controllers that are there.
alive() { ls /sys/class/nvme; }

# Connected through both ports, mounted through both. Sets $first, $second and $disk.
both_paths() { # TRANSPORT NAME
    [[ -e $nvmet/subsystems/$nqn_prefix$2 ]] || { target "$1" "$2"; target "$1-b" "$2"; target_disk "$2" plain; }
    connect_stranger "$1" "$2"
    first=$dev
    disk_of "$first"
    second_path "$1-b" "$2"
    second=$dev
}

native_multipath Y
for transport in loop tcp; do
    name=two-$transport
    both_paths "$transport" "$name"
    mounted
    goes_on "$transport: two paths"

    expect 0 nvme-registry disconnect "$first"
    matches "$transport: the first goes, and is told to be one of two" \
        "$first: disconnected: path 1 of 2 of $disk, which is mounted on $mnt" "$out"
    equal "$transport: it is gone" no "$(there "$first")"
    goes_on "$transport: one path"
    dev=$second
    left_alone "$transport: the last path" nvme-registry disconnect "$second"
    goes_on "$transport: the last path"

    # Both again, and everything at once: one is left.
    second_path "$transport" "$name"
    expect 1 nvme-registry disconnect-all --dry-run
    equal "$transport: dry run: one would go, one stays" '1 1' \
        "$(grep -c 'would be disconnected: path' <<<"$out") $(grep -c 'left alone: in use' <<<"$out")"
    expect 1 nvme-registry disconnect-all
    equal "$transport: disconnect-all leaves exactly one" 1 "$(alive | wc -l)"
    goes_on "$transport: disconnect-all"

    # By subsystem, and waiting for the end.
    dev=$(alive)
    free=$transport
    [[ $transport == loop || $(<"/sys/class/nvme/$dev/address") == *trsvcid=4421* ]] || free=$transport-b
    second_path "$free" "$name"
    expect 1 nvme-registry disconnect --nqn "$nqn_prefix$name" --wait 10
    equal "$transport: by subsystem leaves exactly one" 1 "$(alive | wc -l)"
    goes_on "$transport: by subsystem"
    umount "$mnt"
    settle
    expect 0 nvme-registry disconnect-all
    equal "$transport, idle: nothing is left" '' "$(alive)"
    settle

    # The other path is inaccessible.
    both_paths "$transport" "$name"
    mounted
    port=$nvmet/ports/${port_number[$transport-b]}
    echo inaccessible >"$port/ana_groups/1/ana_state"
    wait_until has_ana "$second" inaccessible
    dev=$first
    left_alone "$transport: the other one is inaccessible" nvme-registry disconnect "$first"
    matches "$transport: ... which is told" 'no other path to it is usable' "$err"
    goes_on "$transport: the other one is inaccessible"
    expect 1 nvme-registry disconnect-all
    equal "$transport: disconnect-all takes the inaccessible one" "$first" "$(alive)"
    goes_on "$transport: without the inaccessible one"

    # A path that is worse will do.
    connect_stranger "$transport-b" "$name"
    second=$dev
    wait_until has_ana "$second" inaccessible
    echo non-optimized >"$port/ana_groups/1/ana_state"
    wait_until has_ana "$second" non-optimized
    expect 0 nvme-registry disconnect "$first"
    equal "$transport: the other one is not optimized: the first may go" "$second" "$(alive)"
    goes_on "$transport: by a path that is not optimized"
    echo optimized >"$port/ana_groups/1/ana_state"
    umount "$mnt"
    settle
    expect 0 nvme-registry disconnect-all
    settle
done
guard_row 'mounted, two paths, each asked for' 'both go' 'both go' 'one goes, the other stays'
guard_row 'mounted, two paths, the other one inaccessible' 'disconnected' 'disconnected' 'left alone'

# nvme-cli beside it.
both_paths loop two-loop
mounted
run nvme disconnect -n "${nqn_prefix}two-loop"
equal "nvme disconnect: both paths of a mounted disk go" '' "$(alive)"
bash guest/unused.sh
for transport in loop tcp; do
    target_gone "$transport-b" "two-$transport"
    target_end "$transport" "two-$transport"
done

# A dead target: its port is gone, and the host keeps trying.
dead() {
    target_gone tcp "$1"
    rmdir "$nvmet/ports/${port_number[tcp]}"
    wait_until has_state "$dev" connecting
}
target tcp dead
target_disk dead plain
connect_stranger tcp dead reconnect_delay=1 ctrl_loss_tmo=600
disk_of "$dev"
mounted
goes_on "before the target dies"
dead dead
timed nvme-registry disconnect "$dev"
equal "dead, mounted: refused" 1 "$code"
matches "dead, mounted: the user is named" "in use: $user" "$err"
under "dead, mounted" 1000
timed nvme-registry check "$dev"
equal "dead, mounted: check" 1 "$code"
under "dead, mounted: check" 1000
timed nvme-registry status
under "dead, mounted: status" 1000
timed nvme-registry disconnect-all
equal "dead, mounted: disconnect-all" 1 "$code"
under "dead, mounted: disconnect-all" 1000
equal "dead, mounted: still there" yes "$(there "$dev")"
target tcp dead
wait_until has_state "$dev" live
goes_on "the target is back"
umount "$mnt"
settle

dead dead
timed nvme-registry check "$dev"
equal "dead, idle: check" 0 "$code"
under "dead, idle: check" 1000
timed nvme-registry disconnect "$dev"
equal "dead, idle: disconnected" 0 "$code"
under "dead, idle" 1000
equal "dead, idle: gone" no "$(there "$dev")"
guard_row 'mounted, dead target' 'disconnected' 'disconnected' 'left alone; answered in less than a second'

# The other path is dead.
target tcp dead
target tcp-b dead
connect_stranger tcp-b dead
first=$dev
connect_stranger tcp dead reconnect_delay=1 ctrl_loss_tmo=600
disk_of "$first"
settle
mounted
dead dead
dev=$first
left_alone "the other path is dead" nvme-registry disconnect "$first"
goes_on "the other path is dead"
expect 1 nvme-registry disconnect-all
equal "disconnect-all takes the dead one" "$first" "$(alive)"
goes_on "without the dead one"
umount "$mnt"
