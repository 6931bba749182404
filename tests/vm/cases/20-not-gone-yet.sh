#!/usr/bin/env bash
# A loop target that answers no more: the requests to its disk are taken and never done, as with a storage system that
# hangs. `disconnect`, `check`, `status` and `disconnect-all` answer about it at once, mounted or idle. While the kernel
# cannot delete a controller because of a request on its way, `disconnect --wait` says so, names it and exits 3.
. ./disks.sh
holder=

# A disk below dm, which can be told to answer no more.
maps=/sys/kernel/config/nullb
hanging_disk() { # NAME
    local space=$nvmet/subsystems/$nqn_prefix$1/namespaces/1
    mkdir "$maps/$1"
    echo 64 >"$maps/$1/size"
    echo 1 >"$maps/$1/memory_backed"
    echo 1 >"$maps/$1/power"
    dmsetup create "$1" --table "0 131072 linear /dev/$1 0"
    mkdir "$space"
    printf %s "/dev/mapper/$1" >"$space/device_path"
    echo 1 >"$space/enable"
}
answers_no_more() { settle; dmsetup suspend --nolockfs --noflush "$1"; }
answers_again() { dmsetup resume "$1"; }

native_multipath Y
target loop hangs
hanging_disk hangs
connect_stranger loop hangs
disk_of "$dev"
mounted
goes_on "before the target hangs"

answers_no_more hangs
slowest=0
for command in "disconnect $dev" "disconnect --nqn ${nqn_prefix}hangs" "check $dev" disconnect-all; do
    read -ra words <<<"$command"
    timed nvme-registry "${words[@]}"
    equal "hangs, mounted: $command: no" 1 "$code"
    matches "hangs, mounted: $command: the user is named" "in use: $user" "$out$err"
    under "hangs, mounted: $command" 1000
    slowest=$((took > slowest ? took : slowest))
done
timed nvme-registry status --in-use --names
equal "hangs, mounted: status" "$dev" "$out"
under "hangs, mounted: status" 1000
equal "hangs, mounted: the controller is live" live "$(state "$dev")"
answers_again hangs
goes_on "the target answers again"
umount "$mnt"

answers_no_more hangs
timed nvme-registry check "$dev"
equal "hangs, idle: check" 0 "$code"
under "hangs, idle: check" 1000
timed nvme-registry disconnect "$dev"
equal "hangs, idle: disconnected" 0 "$code"
under "hangs, idle: disconnect" 1000
equal "hangs, idle: gone" no "$(there "$dev")"
figures "a loop target that hangs: disk mounted: 4 commands, the slowest answer after $((slowest / 1000)) ms;" \
    "idle: disconnected after $((took / 1000)) ms"
answers_again hangs

# A request is on its way, and somebody else has the kernel delete the controller.
target loop well
connect_stranger loop hangs
stuck=$dev
disk_of "$stuck"
connect_stranger loop well
well=$dev
expect 0 nvme-registry register "$stuck" --owner stas
answers_no_more hangs
dd if="/dev/$disk" of="$case_dir/read" bs=4096 count=1 iflag=direct 2>"$case_dir/dd.err" &
reader=$!
path=/sys/class/nvme/$stuck/${disk%n*}c${stuck#nvme}n${disk##*n}
on_its_way() { local reads writes; read -r reads writes <"$path/inflight" && ((reads > 0 || writes > 0)); }
wait_until on_its_way
echo 1 >"/sys/class/nvme/$stuck/delete_controller" &
deleter=$!
wait_until has_state "$stuck" 'deleting (no IO)'

expect 3 nvme-registry disconnect "$stuck" "$well" --as stas --wait 1
matches "the one that is not gone is told to be on its way" "$stuck: is being deleted already" "$out"
matches "the one that is not gone is named" "$stuck: not gone after 1 s" "$err"
absent "the other one is not" "$well: not gone" "$err"
equal "the other one is gone" no "$(there "$well")"
equal "the one that is named is there" yes "$(there "$stuck")"
expect 3 nvme-registry disconnect --nqn "${nqn_prefix}hangs" --as stas --wait 0
matches "by subsystem, without waiting: named" "$stuck: not gone after 0 s" "$err"
equal "its entry stays as long as it does" 'owner=stas' "$(entry "$stuck")"

# One that waits while the target answers again.
nvme-registry disconnect "$stuck" --as stas --wait 120 >"$case_dir/waited" 2>&1 &
waiter=$!
answers_again hangs
code=0
wait "$waiter" || code=$?
say "$(<"$case_dir/waited")"
equal "waited until it is gone" 0 "$code"
equal "and it is" no "$(there "$stuck")"
wait "$reader" || true
wait "$deleter" || true
settle
equal "nothing is left" '' "$(leftovers)"

target_gone loop hangs
rmdir "$nvmet/subsystems/${nqn_prefix}hangs/namespaces/1"
dmsetup remove hangs
echo 0 >"$maps/hangs/power"
rmdir "$maps/hangs"
