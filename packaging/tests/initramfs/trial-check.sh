#!/usr/bin/env bash
# What a new administrator does, in a booted Debian: prints one line a check, one a time and, last, the sum. The kernel's
# command line says which boot this is: registry-trial=install, or registry-trial=use. /root/nvme-registry is the directory
# in which the README is read.
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=checks.sh
. /usr/lib/registry-test/checks.sh
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive

run() { # COMMAND...: what it said is in $out, how it ended in $code, how many milliseconds it took in $took
    local began=${EPOCHREALTIME/./}
    code=0
    out=$("$@" 2>&1 </dev/null) || code=$?
    took=$(((${EPOCHREALTIME/./} - began) / 1000))
    printf '$ %s\n%s\n    exit code %d, %d ms\n' "$*" "$out" "$code" "$took"
}
seconds() { printf '%d.%02d s' $(($1 / 1000)) $(($1 % 1000 / 10)); } # of milliseconds
time_is() { printf 'time: %s: %s\n' "$1" "$(seconds "$2")"; } # WHAT MILLISECONDS
since_boot() { local up rest && read -r up rest </proc/uptime && printf 'time: %s: %s s after the boot\n' "$1" "$up"; } # WHAT

remarks() { run nvme-registry doctor; remarks=$(grep -v '^ok ' <<<"$out"); }
# Eleven lines, all of them ok, and the same in JSON.
in_order() { # WHEN
    remarks
    equal "doctor, $1: exit code" 0 "$code"
    equal "doctor, $1: no line but ok" '' "$remarks"
    equal "doctor, $1: eleven checks" 11 "$(grep -c '^ok ' <<<"$out")"
    time_is "doctor, $1" "$took"
    run nvme-registry doctor --json
    equal "doctor --json, $1: exit code" 0 "$code"
    equal "doctor --json, $1: eleven checks, all ok" '11 "status":"ok"' \
        "$(grep -o '"status":"[a-z]*"' <<<"$out" | sort | uniq -c | sed 's/^ *//')"
}
not_in_order() { # WHEN REMARK: this one remark, and no other
    remarks
    equal "doctor, $1: exit code" 1 "$code"
    equal "doctor, $1: it names that, and nothing else" "$2" "$remarks"
}
disk=/srv/data
goes_on() { # WHAT: the disk takes writes, past every cache
    local word=written-$EPOCHREALTIME
    mountpoint -q $disk && echo "$word" >$disk/probe && sync $disk/probe && echo 3 >/proc/sys/vm/drop_caches
    equal "$1: the disk takes writes and gives them back" "$word" "$(cat $disk/probe 2>&1)"
}
left_alone='nvme0: left alone: in use: nvme0n1 is mounted on /srv/data'
survives() { # OPTION...: of disconnect-all
    run nvme-registry disconnect-all --yes "$@"
    equal "disconnect-all${*:+ $*}: exit code" 1 "$code"
    matches "disconnect-all${*:+ $*}: why" "$left_alone" "$out"
    equal "disconnect-all${*:+ $*}: still mounted" /dev/nvme0n1 "$(findmnt -no SOURCE $disk)"
    goes_on "disconnect-all${*:+ $*}"
    time_is "disconnect-all${*:+ $*}, with the disk mounted" "$took"
}
unit_is() { # WHAT STATE
    equal "$1" "$2" "$(systemctl show --property=ActiveState --value nvme-data.service)"
}
nothing_failed() {
    equal "no unit has failed" '' "$(systemctl list-units --failed --plain --no-legend)"
}

install() {
    since_boot "Debian is up, without the package"
    local began=${EPOCHREALTIME/./}
    equal "before: no program" '' "$(command -v nvme-registry)"
    equal "before: no mark of a boot claim" no "$([[ -e /run/nvme/boot-claim ]] && echo yes || echo no)"

    run sh -eu ./install
    equal "$(cat install): exit code" 0 "$code"
    matches "... says what is next" 'nvme-registry doctor' "$out"
    time_is "$(cat install)" "$took"
    local unit
    for unit in nvme-registry-sweep.service nvme-registry-boot-claim.service; do
        equal "... enabled $unit" enabled "$(systemctl is-enabled $unit)"
    done
    not_in_order "before the steps after installing" \
        'fail  boot-claim: it has not run since boot; systemctl enable --now nvme-registry-boot-claim'
    run sh -eu ./after-installing
    equal "the steps after installing: exit code" 0 "$code"
    time_is "the steps after installing" "$took"
    in_order "after the steps after installing"
    time_is "from the start of apt to a host in order" $(((${EPOCHREALTIME/./} - began) / 1000))

    # The recipe, as it is printed. Nothing that was loaded before helps it.
    equal "before the recipe: nvme-fabrics is not loaded" no "$([[ -e /dev/nvme-fabrics ]] && echo yes || echo no)"
    cp /usr/share/doc/nvme-registry/examples/systemd/nvme-data.service /etc/systemd/system/
    systemctl daemon-reload
    run systemctl enable --now nvme-data.service
    equal "the recipe: exit code" 0 "$code"
    time_is "systemctl enable --now nvme-data.service" "$took"
    udevadm settle
    unit_is "the recipe: the unit is active" active
    equal "the recipe: it owns its controller" data "$(nvme-registry owner nvme0)"
    echo "/dev/nvme0n1 $disk ext4 _netdev 0 0" >>/etc/fstab
    systemctl daemon-reload
    mkdir $disk
    run mount $disk
    equal "its disk can be mounted" 0 "$code"
    in_order "with the recipe's disk mounted"
    nvme-registry status
    survives --force
    # Nobody's now: the guard needs no note. doctor sees that one is missing.
    run nvme-registry release nvme0 --owner data
    equal "released: exit code" 0 "$code"
    survives
    not_in_order "with a disk that is nobody's" \
        "fail  in-use: $disk is on nvme0, which has no owner; nvme-registry claim --unowned --in-use --owner boot"
    run systemctl restart nvme-data.service
    equal "the recipe again: exit code" 0 "$code"
    equal "the recipe again: it owns its controller" data "$(nvme-registry owner nvme0)"
    goes_on "the recipe again"
    in_order "with the recipe's disk mounted, again"
    nothing_failed
    echo kept >$disk/kept
}

use() {
    since_boot "Debian is up, with the package and the recipe"
    cat /run/nvme/boot-claim
    nothing_failed
    unit_is "the recipe: the unit is active" active
    equal "the recipe: it owns its controller" data "$(nvme-registry owner nvme0)"
    equal "its disk is mounted" /dev/nvme0n1 "$(findmnt -no SOURCE $disk)"
    equal "... and has what was written before" kept "$(cat $disk/kept)"
    in_order "after a boot"
    matches "doctor, after a boot: the image that booted has the hook" $'(^|\n)ok    initramfs: its hook ran: initramfs at ' \
        "$(nvme-registry doctor)"
    survives --force

    run systemctl stop nvme-data.service
    unit_is "stopped with the disk mounted: the unit" inactive
    goes_on "stopped with the disk mounted"
    run umount $disk
    equal "unmounted" 0 "$code"
    run systemctl start nvme-data.service
    equal "started again: exit code" 0 "$code"
    run systemctl stop nvme-data.service
    equal "stopped: the controller is gone at once" '' "$(ls /sys/class/nvme)"
    # The entry goes with the event.
    udevadm settle
    equal "stopped: no controller and no entry is left" '' "$(nvme-registry status --names)"
    in_order "after the recipe was stopped"
    run systemctl start nvme-data.service
    equal "started for the shutdown: exit code" 0 "$code"
    udevadm settle
    run mount $disk
    equal "mounted for the shutdown" 0 "$code"

    # One thing wrong at a time, so that an ok is known to mean something.
    ln -s /dev/null /etc/udev/rules.d/70-nvme-registry.rules
    not_in_order "with the rule masked" 'fail  rule: /etc/udev/rules.d/70-nvme-registry.rules masks the rule; remove this file'
    rm /etc/udev/rules.d/70-nvme-registry.rules
    mv /run/nvme/boot-claim /run/nvme/away
    not_in_order "without the mark" \
        'fail  boot-claim: it has not run since boot; systemctl enable --now nvme-registry-boot-claim'
    mv /run/nvme/away /run/nvme/boot-claim
    in_order "mended"
}

the_start=$EPOCHSECONDS
read -r cmdline </proc/cmdline
case $cmdline in
*registry-trial=install*) install ;;
*registry-trial=use*) use ;;
esac
echo "--- journal"
journalctl --sync
journalctl -b -o short-monotonic --no-hostname -t nvme-registry -t systemd --since @"$the_start" | tail -n 80
printf 'RESULT %d checks, %d failed\n' "$checks" "$failures"
sync
