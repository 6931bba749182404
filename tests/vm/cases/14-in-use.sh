#!/usr/bin/env bash
# A controller whose disk is in use is left alone, whatever uses it and whoever asks: the answer is no, with the user's
# name, and the use goes on. The same controller goes when the use has ended. Beside it Debian's nvme-cli, which does
# not look.
. ./disks.sh
holder=

# By `nvme disconnect`, which takes away what is in use; the guest is tidied up after that. Sets $theirs.
nvme_cli_takes() {
    run nvme disconnect -d "$dev"
    theirs='left alone'
    [[ $(there "$dev") == yes ]] || theirs='disconnected'
    equal "nvme disconnect: the disk goes" 'disconnected' "$theirs"
}

# row WHAT USE [plain]: over loop, with nvme-cli as well.
row() {
    refused loop "$2" "${3-}"
    target_end loop "$2"
    fresh_disk loop "$2" "${3-}"
    "$2"
    nvme_cli_takes
    bash guest/unused.sh
    [[ -z $holder ]] || elsewhere_end
    holder=
    target_end loop "$2"
    guard_row "$1" "$theirs" 'disconnected' 'left alone; the user is named; exit code 1'
}

row 'mounted' mounted plain
row 'mounted in another mount namespace' elsewhere plain
row 'a partition is mounted' partition
row 'LVM, its volume mounted' lvm plain
row 'LVM, its volume not mounted' lvm_unmounted plain
row 'dm-crypt, mounted' crypt plain
row 'md, mounted' md plain

# A swap area whose disk was taken away could never be swapped off, so nvme-cli has its turn in the last case.
refused loop swap plain
target_end loop swap

refused tcp mounted plain
target_end tcp mounted
refused tcp elsewhere plain
target_end tcp elsewhere
refused tcp partition
target_end tcp partition

# Every way to ask, and every way to be told.
say "every way to ask"
fresh_disk tcp ways
partition
journal_mark
expect 0 nvme-registry register "$dev" --owner stas
left_alone "its owner" nvme-registry disconnect "$dev" --owner stas
left_alone "its owner, by --as" nvme-registry disconnect "$dev" --as stas
left_alone "by subsystem" nvme-registry disconnect --nqn "${nqn_prefix}ways" --as stas --wait 5
left_alone "disconnect-all, its owner" nvme-registry disconnect-all --owner stas --yes
left_alone "disconnect-all --force" nvme-registry disconnect-all --force --yes
expect 0 nvme-registry release "$dev" --owner stas
left_alone "disconnect-all" nvme-registry disconnect-all
matches "the log has it" "$dev left alone stas in use: ${disk}p2 is mounted on $mnt" "$(journal_story -p notice)"
goes_on "after all that"

expect 1 nvme-registry disconnect-all --dry-run
matches "dry run: says what stays and why" "$dev: left alone: in use: $user" "$out"
expect 0 nvme-registry status --in-use --names
equal "status --in-use" "$dev" "$out"
expect 0 nvme-registry status -o device,use --no-headings
matches "status: the column USE" "$dev +${disk}p2: $mnt" "$out"
expect 0 nvme-registry status --json
matches "status --json" "\"in_use\":\[\"${disk}p2: $mnt\"\]" "$out"

# What the host stands on gets an owner.
expect 0 nvme-registry claim --unowned --in-use --owner boot
equal "claim --in-use: printed" "$dev" "${out##*/}"
expect 0 nvme-registry owner "$dev"
equal "claim --in-use: owned" boot "$out"
expect 0 nvme-registry list --json
matches "list --json" "\"in_use\":\[\"${disk}p2: $mnt\"\]" "$out"
expect 0 nvme-registry release "$dev" --owner boot

# --force-in-use is the only way; the file system is lost then.
expect 0 nvme-registry disconnect "$dev" --force-in-use
equal "--force-in-use: it goes" no "$(there "$dev")"
bash guest/unused.sh
target_end tcp ways

# An idle one is not mistaken for one in use.
fresh_disk loop idle plain
expect 0 nvme-registry check "$dev"
expect 0 nvme-registry status --in-use --names
equal "idle: not in --in-use" '' "$out"
run nvme-registry claim --unowned --in-use --owner boot
equal "idle: claim --in-use takes nothing" '' "$out$(leftovers)"
expect 0 nvme-registry disconnect --nqn "${nqn_prefix}idle" --wait 10
equal "idle, by subsystem: it goes" no "$(there "$dev")"
target_end loop idle

# Debian's `disconnect-all` on the same host takes everything.
fresh_disk tcp all plain
mounted
run nvme disconnect-all
equal "nvme disconnect-all: the mounted disk goes" no "$(there "$dev")"
# shellcheck disable=SC2016 # Markdown
guard_row 'mounted, `disconnect-all`' 'disconnected' 'disconnected, unless it is registered' 'left alone; the user is named; exit code 1'
bash guest/unused.sh

cat "$guard_table"
