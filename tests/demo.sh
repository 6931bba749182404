#!/bin/sh
# What the program is for, in 40 lines, with the real binary on the host of the playground (playground/tree.sh): no privilege,
# no NVMe. The event is a real one: the environment that udevd gave to a RUN program. Each step prints its command and the
# answer, and the script fails if an answer is not the one that is told.
#
#   demo.sh PROGRAM
set -eu
program=$1
here=$(dirname "$0")
root=$(mktemp -d "${TMPDIR:-/tmp}/nvme-registry-demo.XXXXXX")
trap 'rm -rf "$root"' EXIT
"$here/playground/tree.sh" "$root" "$program"
# shellcheck source=tests/playground/hold.sh
. "$here/playground/hold.sh"
# The controller whose owner cannot be read is another story.
rm -r "$root/dev/nvme6" "$root/sys/class/nvme/nvme6" "$root/run/nvme/registry/nvme6"
: >"$root/dev/kmsg"

# Bold on a terminal, plain in a file.
if [ -t 1 ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else bold='' plain=''; fi
say() { printf '%s# %s%s\n' "$bold" "$*" "$plain"; }
fail() { printf 'NOT AS TOLD: %s\n' "$*" >&2; exit 1; }
told() { grep -qF -- "$1" "$root/output" || fail "expected to read: $1"; }

# Runs the program, shows what it is told and what it says, and checks the exit code.
run() {
    expected=$1 code=0
    shift
    printf '$ nvme-registry %s\n' "$*"
    "$program" --root "$root" "$@" >"$root/output" 2>&1 || code=$?
    sed 's/^/  /' "$root/output"
    [ "$code" = "$expected" ] || fail "exit code $code instead of $expected"
}

# What libnvme's udev rule (70-nvmf-registry.rules) does for a removal: it looks at the node, compares stamps, removes by name.
libnvme_rule() {
    [ -e "$root/dev/$1" ] && return
    [ "$2" -gt "$(cat "$root/run/nvme/registry/$1/seqnum" 2>/dev/null || echo 0)" ] && rm -rf "$root/run/nvme/registry/$1"
}

say "A host: / is on nvme1, which the boot scripts registered. /srv is on nvme2, which nobody registered."
run 0 status -o DEVICE,OWNER,USE,ADDRESS,ENTRY
told 'nvme1n1: /'

say "Somebody types disconnect-all. It takes the one controller that nobody owns and nothing uses."
run 1 disconnect-all
told 'nvme1: left alone: owned by boot'
told 'nvme2: left alone: in use: nvme2n1 is mounted on /srv'
told 'nvme3: disconnected'

say "By libnvme's rule (unowned is enough) 'nvme disconnect-all' would also have taken:"
for node in "$root"/dev/nvme[1-9]; do
    device=${node##*/}
    [ -e "$root/run/nvme/registry/$device/owner" ] || [ "$device" = nvme3 ] || printf '  %s, and /srv with it\n' "$device"
done

say "nvme4, which stas owned, went away, and its name went to a new controller of somebody else."
say "Only now udev comes to the event of the removal. The entry of stas goes, and the log says why:"
mkdir "$root/sys/devices/virtual/nvme-fabrics/ctl/nvme4"
echo tcp >"$root/sys/devices/virtual/nvme-fabrics/ctl/nvme4/transport"
ln -s ../../devices/virtual/nvme-fabrics/ctl/nvme4 "$root/sys/class/nvme/nvme4"
: >"$root/dev/nvme4"
removed=$(cat "$root/sys/kernel/uevent_seqnum")
cp -R "$root/run/nvme/registry/nvme4" "$root/entry"
printf '$ ACTION=remove DEVNAME=/dev/nvme4 SEQNUM=%s nvme-registry uevent\n' "$removed"
: >"$root/dev/kmsg"
sed "s/nvme0/nvme4/g; s/^SEQNUM=.*/SEQNUM=$removed/; s/(null)/null/" "$here/fixtures/uevents/tcp-remove.env" >"$root/environment"
# shellcheck disable=SC2046 # one word a variable
env -i $(cat "$root/environment") "$program" --root "$root" uevent || fail "uevent failed"
sed 's/^<[0-9]*>/  log: /' "$root/dev/kmsg" | tee "$root/output"
told 'removed: the name belongs to another controller now'
run 1 owner nvme4

say "The same event by libnvme's rule: /dev/nvme4 is there, so the entry is kept, and the stranger's controller is stas's:"
mv "$root/entry" "$root/run/nvme/registry/nvme4"
libnvme_rule nvme4 "$removed"
printf '$ cat /run/nvme/registry/nvme4/owner\n'
sed 's/^/  /' "$root/run/nvme/registry/nvme4/owner" || fail "libnvme's rule removed the entry"
