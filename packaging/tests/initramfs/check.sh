#!/usr/bin/env bash
# Runs in the real root, after the scenario in the initramfs (scenario.sh): prints one line a check and, last, the sum.
set -uo pipefail

notes=/run/registry-test
# shellcheck source-path=SCRIPTDIR source=checks.sh
. /usr/lib/registry-test/checks.sh
device() { basename "$(cat "$notes/$1")"; }

udevadm settle
echo "--- the scenario's own output"
cat /run/registry-test.log
echo "--- the registry when the root was switched"
cat "$notes/at-switch-root"
echo "--- status"
nvme-registry status
journalctl --sync
log=$(journalctl -b -t nvme-registry -o cat)
echo "--- journal"
journalctl -b -t nvme-registry -o short-monotonic --no-hostname
echo "---"

kept=$(device kept) claimed=$(device claimed) doomed=$(device doomed) late=$(device late)
equal "connected and registered in the initramfs: its owner" nbft "$(nvme-registry owner "$kept")"
matches "... and the entry is this controller's" '"entry":"current"' "$(nvme-registry list --owner nbft --json)"
equal "connected by nvme connect-all, claimed right after: its owner" boot "$(nvme-registry owner "$claimed")"
equal "died in the initramfs: its entry was removed there" gone "$(cat "$notes/doomed-entry" 2>&1)"
matches "... and the initramfs's log line is in the journal" \
    "$doomed: remove event [0-9]+: entry of doomed .* removed: the controller is gone" "$log"
matches "the registration in the initramfs is in the journal" "$kept: registered to nbft" "$log"
matches "the claim in the initramfs is in the journal" "$claimed: claimed by boot" "$log"
equal "died when nobody listened: its entry was there at the switch" there "$(cat "$notes/late-entry" 2>&1)"
equal "... and was swept" '' "$(nvme-registry list --all --names | grep -x "$late")"
matches "... by the unit" "$late: entry of late removed: the controller is gone" \
    "$(journalctl -b -u nvme-registry-sweep.service -t nvme-registry -o cat)"
matches "the unit succeeded" 'Result=success' "$(systemctl show -p Result,ActiveEnterTimestampMonotonic nvme-registry-sweep.service)"

# The root of this boot is no NVMe disk: both claims ran, and found nothing.
matches "the boot claim of the initramfs ran" $'(^|\n)initramfs at [0-9.]+ s: nothing' "$(cat /run/nvme/boot-claim)"
matches "... and the one of the system" $'\nsystem at [0-9.]+ s: nothing' "$(cat /run/nvme/boot-claim)"

# The registry protects. One more controller, of nobody's, goes; the two stay.
echo "transport=loop,nqn=nqn.2026-01.test:doomed,nr_io_queues=1,hostnqn=$(</etc/nvme/hostnqn),hostid=$(</etc/nvme/hostid)" >/dev/nvme-fabrics
udevadm settle
before=$(nvme-registry status --names | wc -l)
out=$(nvme-registry disconnect-all)
equal "disconnect-all succeeds" 0 $?
echo "$out"
equal "disconnect-all: the unowned one went" $((before - 1)) "$(nvme-registry status --names | wc -l)"
equal "disconnect-all: the ones from the initramfs stay" "$(printf '%s\n' "$kept" "$claimed" | sort)" "$(nvme-registry status --names | sort)"

# The rule files, in this systemd.
udevadm verify --no-style /usr/lib/udev/rules.d/70-nvme-registry.rules
equal "udevadm verify: 70-nvme-registry.rules" 0 $?
udevadm verify --no-style /usr/share/doc/nvme-registry/examples/udev/71-nvme-registry-export.rules
equal "udevadm verify: 71-nvme-registry-export.rules" 0 $?
cp /usr/share/doc/nvme-registry/examples/udev/71-nvme-registry-export.rules /etc/udev/rules.d/
# shellcheck disable=SC2016 # udev's
echo 'SUBSYSTEM=="nvme", ENV{NVME_OWNER}=="nbft", TAG+="of-nbft"' >/etc/udev/rules.d/72-test.rules
nvme-registry update "$kept" -a note -V "it's the boot path"
udevadm control --reload
udevadm trigger --action=change --settle "/sys/class/nvme/$kept" "/sys/class/nvme/$claimed"
properties=$(udevadm info -q property "/sys/class/nvme/$kept")
matches "IMPORT{program}: the owner is a property" $'(^|\n)NVME_OWNER=nbft(\n|$)' "$properties"
matches "IMPORT{program}: so is a private attribute" $'(^|\n)NVME_ATTR_NOTE=it\'s the boot path(\n|$)' "$properties"
matches "... which other rules match on" ':of-nbft:' "$properties"
matches "... and each controller has its own" $'(^|\n)NVME_OWNER=boot(\n|$)' "$(udevadm info -q property "/sys/class/nvme/$claimed")"

systemd-analyze security --no-pager nvme-registry-sweep.service | tail -n 1
printf 'RESULT %d checks, %d failed\n' "$checks" "$failures"
sync
