#!/usr/bin/env bash
# `doctor` on an installed host, with the real udevd, and with one thing after the other taken away; the unit that writes
# the metrics, under the real systemd with all of its hardening.
. ./disks.sh

# What doctor says that is not ok.
remarks() { run nvme-registry doctor; remarks=$(grep -v '^ok ' <<<"$out" || true); }

# Debian's nvme-cli is a version 2. Without it the host is whole.
systemctl start nvme-registry-boot-claim.service
expect 1 nvme-registry doctor
equal "only nvme-cli is remarked on" \
    "warn  nvme-cli: /usr/sbin/nvme is older than 3.0: its disconnect-all takes every controller; use nvme-registry disconnect-all" \
    "$(grep -v '^ok ' <<<"$out")"
run nvme disconnect-all --help
absent "and indeed that nvme has no owner" owner "$out$err"
# Only in this case's own mount namespace, so that the others find it again.
nvme_cli_hidden() { unshare --mount sh -c 'mount --bind /dev/null /usr/sbin/nvme && exec "$@"' sh "$@"; }
expect 0 nvme_cli_hidden nvme-registry doctor
equal "all is ok" 11 "$(grep -c '^ok ' <<<"$out")"

# --- udevd ---

units=(systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udevd.service)
systemctl stop systemd-udevd.service
remarks
absent "systemd listens in the place of udevd" udevd: "$remarks"
systemctl stop "${units[@]}"
remarks
matches "udevd is not running" 'fail  udevd: no process listens on /run/udev/control; systemctl start systemd-udevd' "$remarks"
systemctl start "${units[@]}"
remarks
absent "udevd runs again" udevd: "$remarks"

# --- in use, unowned ---

fresh_disk tcp used plain
mounted
remarks
matches "a disk in use without an owner" \
    "fail  in-use: $mnt is on $dev, which has no owner; nvme-registry claim --unowned --in-use --owner boot" "$remarks"

# --- the metrics ---

directory=/var/lib/prometheus/node-exporter
file=$directory/nvme-registry.prom
start_metrics() {
    run systemctl start nvme-registry-metrics.service
    equal "the unit succeeds" 0 "$code"
}
start_metrics
equal "without node_exporter's directory nothing is written" no "$([[ -e $file ]] && echo yes || echo no)"
mkdir -p "$directory"
start_metrics
run nvme-registry metrics
equal "the file is what metrics prints" "$out" "$(<"$file")"
equal "the disk is in use" 1 "$(grep -cF "nvme_registry_in_use{controller=\"$dev\"} 1" "$file")"
equal "and has no owner" 'nvme_registry_unowned_in_use 1' "$(grep '^nvme_registry_unowned_in_use' "$file")"
inode=$(stat -c %i "$file")
expect 0 nvme-registry claim --unowned --in-use --owner boot
start_metrics
equal "it has an owner now" 'nvme_registry_unowned_in_use 0' "$(grep '^nvme_registry_unowned_in_use' "$file")"
absent "the file is another one" "$inode" "$(stat -c %i "$file")"
equal "nothing else is left there" nvme-registry.prom "$(ls -A "$directory")"
equal "everybody can read it" 644 "$(stat -c %a "$file")"
rm "$file"
systemctl start nvme-registry-metrics.timer
wait_until test -e "$file"
systemctl stop nvme-registry-metrics.timer
equal "the timer starts it" 1 "$(grep -c '^nvme_registry_leftovers 0$' "$file")"
rm -r "$directory"

remarks
absent "the disk has an owner" in-use: "$remarks"
mounted_end
expect 0 nvme-registry disconnect "$dev" --owner boot
settle
equal "nothing is left" '' "$(leftovers)"
