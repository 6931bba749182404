#!/bin/sh
# The story of the registry, played with the real binary in a directory tree: no privilege, no NVMe.
#
# The tree has a /dev, a /sys and a /run of its own (--root), and this script is the kernel in it: it lets controllers
# come and go. The events are real ones: the environments that udevd gave to a RUN program for real controllers.
# Every step prints its command and what came of it, and the script fails if anything did not go as told.
set -eu

binary=$1
fixtures=$(dirname "$0")/fixtures/uevents
root=$(mktemp -d "${TMPDIR:-/tmp}/nvme-registry-demo.XXXXXX")
trap 'rm -rf "$root"' EXIT
output=$root/output

# Bold on a terminal, plain in a file.
if [ -t 1 ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else bold= plain=; fi

say() { printf '\n%s# %s%s\n' "$bold" "$*" "$plain"; }
fail() { printf '\nNOT AS TOLD: %s\n' "$*" >&2; exit 1; }

# The kernel.

seqnum() { cat "$root/sys/kernel/uevent_seqnum"; }
number_event() { echo $(($(seqnum) + 1)) >"$root/sys/kernel/uevent_seqnum"; }
comes() {
    # sysfs never gives an inode number twice; an ordinary file system does. So old directories are moved aside.
    mkdir -p "$root/sys/class/nvme/$1"
    echo tcp >"$root/sys/class/nvme/$1/transport"
    echo live >"$root/sys/class/nvme/$1/state"
    : >"$root/dev/$1"
    number_event
}
goes() {
    rm "$root/dev/$1"
    number_event
    mkdir -p "$root/gone"
    mv "$root/sys/class/nvme/$1" "$root/gone/$1.$(seqnum)"
}

# Runs the program, shows what it was told and what it said, and checks the exit code.
run() {
    expected=$1
    shift
    printf '$ nvme-registry %s\n' "$*"
    code=0
    "$binary" --root "$root" "$@" >"$output" 2>&1 || code=$?
    sed 's/^/  /' "$output"
    [ "$code" = "$expected" ] || fail "exit code $code instead of $expected"
    [ "$expected" = 0 ] || printf '  (exit code %s)\n' "$code"
}

# Hands an event to the program as udevd does: the environment of the fixture, with this device and this number.
event() {
    fixture=$1 device=$2 number=$3
    printf '$ (udev: %s, SEQNUM=%s) nvme-registry uevent\n' "$fixture" "$number"
    sed "s/nvme0/$device/g; s/^SEQNUM=.*/SEQNUM=$number/; s/(null)/null/" "$fixtures/$fixture.env" >"$root/environment"
    # There is no journal in the tree, so the log line ends up on standard error.
    env -i $(cat "$root/environment") "$binary" --root "$root" uevent >"$output" 2>&1 || fail "uevent failed: $(cat "$output")"
    sed 's/^/  log: /' "$output"
}

told() { grep -qF -- "$1" "$output" || fail "expected to read: $1"; }
entry_is_gone() { [ ! -e "$root/run/nvme/registry/$1" ] || fail "the entry of $1 is still there"; }
owner_is() {
    found=$("$binary" --root "$root" owner "$1" || true)
    [ "$found" = "$2" ] || fail "the owner of $1 is '$found', not '$2'"
}

mkdir -p "$root/run" "$root/dev" "$root/sys/kernel" "$root/sys/class/nvme"
echo 1340 >"$root/sys/kernel/uevent_seqnum"

say "Two controllers are connected. The program that connected the first one registers itself as its owner."
comes nvme4
comes nvme5
run 0 register nvme4 --owner stas
run 0 update nvme4 -a note -V 'boot-path SAN'

say "Anybody can ask."
run 0 owner nvme4
told stas
run 0 list
run 1 check nvme4
told 'owned by stas'
run 0 check nvme5

say "A script that disconnects only controllers without an owner."
for node in "$root"/dev/nvme*; do
    device=${node##*/}
    if "$binary" --root "$root" check "$device" 2>/dev/null; then
        printf '  %s: would be disconnected\n' "$device"
        [ "$device" = nvme5 ] || fail "$device is owned"
    else
        printf '  %s: left alone\n' "$device"
        [ "$device" = nvme4 ] || fail "$device is not owned"
    fi
done

say "nvme4 goes; udev runs the program; the entry is gone, and the log says why."
goes nvme4
removed=$(seqnum)
event tcp-remove nvme4 "$removed"
told 'entry of stas'
told 'removed: the controller is gone'
entry_is_gone nvme4

say "The name is used again, by a controller with a new owner. The old event comes once more, late: kept."
comes nvme4
run 0 register nvme4 --owner discoverd
event tcp-remove nvme4 "$removed"
told 'kept'
owner_is nvme4 discoverd

say "Recycled again, by a connector that does not know the registry. The event comes late: the old entry is removed."
goes nvme4
removed=$(seqnum)
comes nvme4
run 1 owner nvme4
event tcp-remove nvme4 "$removed"
told 'removed: the name belongs to another controller now'
entry_is_gone nvme4

say "Of two boot scripts that claim it exactly one gets it."
run 0 claim nvme4 --owner boot
run 1 claim nvme4 --owner other
told 'owned by boot'

say "A synthetic event (udevadm trigger --action=remove) is not a removal: kept."
event loop-remove-synthetic nvme4 $(($(seqnum) + 1))
told 'synthetic remove event'
told 'kept'
owner_is nvme4 boot

printf '\nEverything went as told.\n'
