#!/usr/bin/env bash
# For the cases about disks: targets with a disk, the uses that a disk can be put to, and what must be true of a use
# that nobody may disturb. Brings lib.sh along.
#
# A use is a function that puts $disk to use, and a second one of the name NAME_end that undoes it. $user is the regular
# expression that the product's reason must match then, and $mnt is where a file system is mounted, if one is.
# shellcheck disable=SC2034 # $user is for the cases
. ./lib.sh

mnt=$case_dir/mnt
# What is put on a disk to mount it.
fs=ext4

# --- targets with a disk ---

# A file in memory of 64 MiB with one partition, number 2: an empty disk has no use for number 1. sfdisk is in a
# package of its own; a table of DOS is a few bytes.
disk_file() { # FILE
    truncate -s 64M "$1"
    # Not bootable, type 83, sectors 2048 to 83967.
    printf '\0\0\0\0\203\0\0\0\0\010\0\0\0\100\001\0' | dd of="$1" bs=1 seek=462 conv=notrunc status=none
    printf '\125\252' | dd of="$1" bs=1 seek=510 conv=notrunc status=none
}

# Gives a target a disk. Without a table of partitions if `plain` is said.
target_disk() { # NAME [plain]
    local space=$nvmet/subsystems/$nqn_prefix$1/namespaces/1
    rm -f "$case_dir/$1.img"
    if [[ ${2-} == plain ]]; then truncate -s 64M "$case_dir/$1.img"; else disk_file "$case_dir/$1.img"; fi
    mkdir "$space"
    printf %s "$case_dir/$1.img" >"$space/device_path"
    # Memory has no need of direct input and output.
    echo 1 >"$space/buffered_io"
    echo 1 >"$space/enable"
}

# A controller of its own to a fresh disk. Sets $dev and $disk.
fresh_disk() { # TRANSPORT NAME [plain]
    target "$1" "$2"
    target_disk "$2" "${3-}"
    connect_stranger "$1" "$2"
    disk_of "$dev"
    settle
}

# The end of a target that fresh_disk made; its controller is gone.
target_end() { # TRANSPORT NAME
    local subsystem=$nvmet/subsystems/$nqn_prefix$2
    target_gone "$1" "$2"
    rmdir "$subsystem/namespaces/1" "$subsystem"
}

# Waits until a condition holds, 60 seconds at most. For what neither the kernel nor udev tells anybody.
wait_until() { # COMMAND...
    local end=$((SECONDS + 60))
    until "$@"; do
        ((SECONDS < end)) || { fail "waited in vain for: $*"; return 1; }
    done
}

# The disk behind a controller: its own, or with native multipath that of the subsystem. The kernel looks for disks on
# its own time. Sets $disk.
disk_of() { # DEVICE
    local path
    wait_until find_disk "$1"
}
find_disk() { # DEVICE
    for path in "/sys/class/nvme/$1"/nvme*n*; do
        disk=${path##*/}
        [[ ! $disk =~ ^(nvme[0-9]+)c[0-9]+(n[0-9]+)$ ]] || disk=${BASH_REMATCH[1]}${BASH_REMATCH[2]}
        [[ ! -b /dev/$disk ]] || return 0
    done
    return 1
}

state() { # DEVICE
    [[ ! -e /sys/class/nvme/$1/state ]] || cat "/sys/class/nvme/$1/state" 2>/dev/null
}
has_state() { [[ $(state "$1") == "$2" ]]; }

# --- uses ---

make_fs() { # DEVICE
    case $fs in
    ext4) mkfs.ext4 -q -F "$1" ;;
    # What its own tests say to it to get one of less than 300 MiB.
    xfs) TEST_DIR=1 TEST_DEV=1 QA_CHECK_FS=1 mkfs.xfs -q -f "$1" ;;
    esac
}
mount_on_mnt() { # DEVICE
    mkdir -p "$mnt"
    mount -t "$fs" "$1" "$mnt"
}

mounted() {
    make_fs "/dev/$disk"
    mount_on_mnt "/dev/$disk"
    user="$disk is mounted on $mnt"
}
mounted_end() { umount "$mnt"; }

partition() {
    make_fs "/dev/${disk}p2"
    mount_on_mnt "/dev/${disk}p2"
    user="${disk}p2 is mounted on $mnt"
}
partition_end() { umount "$mnt"; }

# In a mount namespace of which this one sees nothing. The file system is reached through the process that holds it.
elsewhere() {
    make_fs "/dev/$disk"
    mkdir -p "$mnt"
    rm -f "$case_dir/ready"
    mkfifo "$case_dir/ready"
    # shellcheck disable=SC2016 # the inner shell's
    unshare --mount --propagation private bash -c \
        'mount -t "$4" "$1" "$2" && echo mounted >"$3" && exec sleep infinity' bash "/dev/$disk" "$mnt" "$case_dir/ready" "$fs" &
    holder=$!
    equal "in the other namespace" mounted "$(<"$case_dir/ready")"
    equal "nothing of it is seen here" '' "$(grep -F " $mnt " /proc/self/mountinfo || true)"
    user="$disk has a mounted $fs file system"
}
elsewhere_end() {
    kill "$holder"
    wait "$holder" || true
    # The kernel takes the mount away after the process.
    wait_until test ! -e "/sys/fs/$fs/$disk"
}

swap() {
    mkswap -q "/dev/$disk"
    swapon "/dev/$disk"
    user="$disk is swap space"
}
swap_end() { swapoff "/dev/$disk"; }

lvm() {
    vgcreate -q -q -y data "/dev/$disk"
    lvcreate -q -q -y -n lv -l 100%FREE data
    make_fs /dev/data/lv
    mount_on_mnt /dev/data/lv
    user="dm-[0-9]+ \(data-lv\) on $disk is mounted on $mnt"
}
lvm_end() {
    umount "$mnt"
    vgchange -q -q -an data
}

lvm_unmounted() {
    vgcreate -q -q -y data "/dev/$disk"
    lvcreate -q -q -y -n lv -l 100%FREE data
    user="$disk is held by dm-[0-9]+ \(data-lv\)"
}
lvm_unmounted_end() { vgchange -q -q -an data; }

crypt() {
    head -c 64 /dev/zero >"$case_dir/key"
    cryptsetup open --type plain --cipher aes-xts-plain64 --key-size 512 --key-file "$case_dir/key" "/dev/$disk" secret
    make_fs /dev/mapper/secret
    mount_on_mnt /dev/mapper/secret
    user="dm-[0-9]+ \(secret\) on $disk is mounted on $mnt"
}
crypt_end() {
    umount "$mnt"
    cryptsetup close secret
}

md() {
    mdadm --quiet --create /dev/md0 --run --force --assume-clean --level=1 --raid-devices=1 --metadata=1.2 "/dev/$disk"
    make_fs /dev/md0
    mount_on_mnt /dev/md0
    user="md0 on $disk is mounted on $mnt"
}
md_end() {
    umount "$mnt"
    mdadm --quiet --stop /dev/md0
}

# --- what must be true of a use that was left alone ---

# The use goes on: what is written is on the disk, and is read from there.
goes_on() { # WHAT [DIRECTORY]
    local at=${2-$mnt} word=written-$EPOCHREALTIME
    if [[ -n ${holder-} ]]; then at=/proc/$holder/root$mnt; fi
    if grep -q "^/dev/$disk " /proc/swaps; then
        equal "$1: the swap space is in use" "/dev/$disk" "$(awk 'NR == 2 { print $1 }' /proc/swaps)"
        return
    fi
    { echo "$word" >"$at/probe" && sync "$at/probe" && echo 3 >/proc/sys/vm/drop_caches; } || fail "$1: not written"
    equal "$1: the file system takes writes and gives them back" "$word" "$(cat "$at/probe" 2>&1)"
}

# left_alone WHAT COMMAND...: the command leaves the controller alone because of $user, and the use goes on.
left_alone() {
    local what=$1
    shift
    expect 1 "$@"
    matches "$what: the user is named" "$dev: left alone: (counts as )?in use: .*$user" "$out$err"
    equal "$what: the controller is live" live "$(state "$dev")"
}

# refused TRANSPORT USE [plain]: a fresh disk, put to use, is left alone while the use lasts, and its controller goes after it.
refused() {
    local transport=$1 use=$2
    say "$use over $transport"
    fresh_disk "$transport" "$use" "${3-}"
    "$use"
    left_alone "$use, $transport" nvme-registry disconnect "$dev"
    if [[ $use != *unmounted ]]; then goes_on "$use, $transport"; fi
    expect 1 nvme-registry check "$dev"
    matches "$use, $transport: check says why" "$user" "$err"
    settle
    "${use}_end"
    settle
    expect 0 nvme-registry disconnect "$dev"
    equal "$use, $transport, idle: it goes" no "$(there "$dev")"
    holder=
}

# Microseconds that a command takes: sets $took, and all that `run` sets.
timed() { # COMMAND...
    local started=${EPOCHREALTIME/./}
    run "$@"
    took=$((${EPOCHREALTIME/./} - started))
    say "took $((took / 1000)) ms"
}
under() { # WHAT MILLISECONDS
    equal "$1: in less than $2 ms" yes "$( ((took < $2 * 1000)) && echo yes || echo "no, $((took / 1000)) ms")"
}

# --- the table of packaging/doc/comparison.md: one file, a row each. The column of nvme-cli 2.x is measured where a case
# runs it; that of 3 is from its source, which does not look at use. ---

guard_table=${results:-$case_dir}/in-use.md
guard_row() { # SITUATION NVME-CLI-2 NVME-CLI-3 OURS
    [[ -e $guard_table ]] || printf '%s\n' '| situation | nvme-cli 2.x | nvme-cli 3 | here |' '|---|---|---|---|' >"$guard_table"
    printf '| %s | %s | %s | %s |\n' "$@" >>"$guard_table"
}
