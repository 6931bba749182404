#!/usr/bin/env bash
# /run is full. What writes is refused, says why and leaves nothing half made; what takes away and what asks go on. An
# entry that is there stays as it is, and goes with its controller.
. ./lib.sh

# What the checks write must not be where it is full; reset.sh removes the file that fills it with its directory.
fill=$case_dir/fill
case_dir=/tmp/vm-case
mkdir -p "$case_dir"
# To the last block: a page is what tmpfs gives out.
full() {
    dd if=/dev/zero of="$fill" bs=1M status=none 2>"$case_dir/dd" || true
    dd if=/dev/zero of="$fill" bs=4096 oflag=append conv=notrunc status=none 2>"$case_dir/dd" || true
    equal "/run is full" 0 "$(stat -f -c %f /run)"
}
room() { rm -f "$fill"; }

for name in owned bare free; do target loop "$name"; done
connect_owned loop owned stas
owned=$dev
connect_stranger loop bare
bare=$dev
settle
expect 0 nvme-registry update "$owned" -a note -V mine
# Every name with its inode, and what is in the files.
stored() { find "$registry" -printf '%P %i\n' | sort; grep -r . "$registry" | sort; }
before=$(stored)
refused=0
unwritten() { # COMMAND...: refused for want of space, and nothing is changed
    run "$@"
    equal "full: $*: exit code" 3 "$code"
    matches "full: $*: says why" 'No space left|no space left' "$err"
    equal "full: $*: nothing is changed" "$before" "$(stored)"
    refused=$((refused + 1))
}

journal_mark
full
unwritten nvme-registry register "$bare" --owner nbft
unwritten nvme-registry claim "$bare" --owner nbft
unwritten nvme-registry register "$owned" --owner nbft
unwritten nvme-registry update "$owned" -a note -V other
unwritten nvme-registry update "$owned" -a more -V text
options loop free
run nvme-registry connect --owner nbft "${opts[@]}"
equal "full: connect: exit code" 3 "$code"
matches "full: connect: says why" 'No space left|no space left' "$err"
refused=$((refused + 1))
free=$(device_of free)
say "full: connect left: ${free:-no controller}"
equal "full: connect: nothing is changed" "$before" "$(stored)"

expect 0 nvme-registry owner "$owned"
equal "full: owner" stas "$out"
expect 0 nvme-registry status
expect 1 nvme-registry check "$owned"
expect 0 nvme-registry sweep
take_down "$owned"
settle
equal "full: the entry goes with its controller" '' "$(leftovers)"

full
[[ -n $free ]] && take_down "$free"
settle
room
expect 0 nvme-registry register "$bare" --owner nbft
equal "room again: registered" 'owner=nbft' "$(entry "$bare")"
take_down "$bare"
settle
equal "nothing is left" '' "$(leftovers)"
figures "a full /run: $refused writes refused with exit code 3, checked after each: nothing changed; an entry removed with its controller"
rm -rf "$case_dir"
