#!/usr/bin/env bash
# Runs in a root that is on NVMe/TCP and that nobody registered: prints one line a check and, last, the sum.
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=checks.sh
. /usr/lib/registry-test/checks.sh

run() { # COMMAND...: what it said is in $out, how it ended in $code
    code=0
    out=$("$@" 2>&1) || code=$?
    printf '$ %s\n%s\n    exit code %d\n' "$*" "$out" "$code"
}
goes_on() { # WHAT: the root takes writes, past every cache
    local word=written-$EPOCHREALTIME
    echo "$word" >/var/probe && sync /var/probe && echo 3 >/proc/sys/vm/drop_caches
    equal "$1: the root takes writes and gives them back" "$word" "$(cat /var/probe 2>&1)"
}

udevadm settle
echo "--- the scenario's own output"
cat /run/registry-test.log
nvme-registry status
equal "the root is on NVMe" /dev/nvme0n1 "$(findmnt -no SOURCE /)"
equal "... over tcp" tcp "$(</sys/class/nvme/nvme0/transport)"
echo "--- the mark"
cat /run/nvme/boot-claim
matches "the initramfs claimed it" $'(^|\n)initramfs at [0-9.]+ s: nvme0(\n|$)' "$(cat /run/nvme/boot-claim)"
matches "the unit ran, and found nothing to do" $'\nsystem at [0-9.]+ s: nothing' "$(cat /run/nvme/boot-claim)"
equal "the unit succeeded" 'Result=success' "$(systemctl show -p Result nvme-registry-boot-claim.service)"
equal "its owner" boot "$(nvme-registry owner nvme0)"
journalctl --sync
echo "--- journal"
journalctl -b -t nvme-registry -o short-monotonic --no-hostname
matches "the boot claim is in the journal" 'nvme0: claimed by boot' "$(journalctl -b -t nvme-registry -o cat)"

run nvme-registry disconnect-all
equal "disconnect-all: it stays" yes "$([[ -e /sys/class/nvme/nvme0 ]] && echo yes)"
run nvme-registry disconnect-all --force --yes
equal "disconnect-all --force: exit code" 1 "$code"
matches "disconnect-all --force: why" 'nvme0: left alone: in use: nvme0n1 is mounted on /' "$out"
goes_on "disconnect-all --force"
run nvme-registry disconnect nvme0 --owner boot
equal "by its owner: exit code" 1 "$code"
matches "by its owner: why" 'nvme0: left alone: in use: nvme0n1 is mounted on /' "$out"
goes_on "by its owner"
run nvme-registry check nvme0 --as boot
equal "check: exit code" 1 "$code"

# The package is installed and its hook is in the image that booted, so nothing is missing on this host. What is left to
# remark on is Debian's nvme-cli, a version 2, whose disconnect-all reads no registry.
run nvme-registry doctor
equal "doctor: exit code" 1 "$code"
equal "doctor remarks on nvme-cli alone" \
    'warn  nvme-cli: /usr/sbin/nvme is older than 3.0: its disconnect-all takes every controller; use nvme-registry disconnect-all' \
    "$(grep -v '^ok ' <<<"$out")"
mv /usr/sbin/nvme /usr/sbin/nvme.away
run nvme-registry doctor
equal "doctor without that nvme-cli: exit code" 0 "$code"
equal "... every line is ok" '' "$(grep -v '^ok ' <<<"$out")"
equal "... as the JSON says" '' "$(nvme-registry doctor --json | grep -o '"status":"[a-z]*"' | grep -v '"ok"')"
ln -s /dev/null /etc/udev/rules.d/70-nvme-registry.rules
run nvme-registry doctor
equal "doctor with the rule masked: exit code" 1 "$code"
equal "... one line, which says so" \
    'fail  rule: /etc/udev/rules.d/70-nvme-registry.rules masks the rule; remove this file' "$(grep -v '^ok ' <<<"$out")"
rm /etc/udev/rules.d/70-nvme-registry.rules
mv /usr/sbin/nvme.away /usr/sbin/nvme

# A host whose initramfs has no hook: there is no registry yet.
rm -r /run/nvme
run systemctl restart nvme-registry-boot-claim.service
equal "without a registry, the unit succeeds" 0 "$code"
matches "... and claims it" '^system at [0-9.]+ s: nvme0$' "$(cat /run/nvme/boot-claim)"
equal "... for boot" boot "$(nvme-registry owner nvme0)"
run nvme-registry doctor
matches "... and doctor finds the hook missing" \
    'fail  initramfs: / is on nvme0, and the image that booted has no hook; update-initramfs -u or dracut -f, and boot' "$out"
systemd-analyze security --no-pager nvme-registry-boot-claim.service | tail -n 1
printf 'RESULT %d checks, %d failed\n' "$checks" "$failures"
sync
