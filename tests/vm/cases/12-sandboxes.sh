#!/usr/bin/env bash
# The product inside what systemd puts around services: the stock systemd-udevd.service's sandbox, read from the unit
# itself, and a unit as nvmf daemons have it, with AF_INET only and a read-only /usr. Everything works in both, and where
# the sockets of the log are out of reach the line arrives through the kernel's.
. ./lib.sh

target loop sandbox

# What a daemon does in its life, run inside the unit; its exit code is the unit's.
cat >"$case_dir/life" <<'EOT'
#!/bin/bash
set -euxo pipefail
dev=$(nvme-registry connect --owner stas "$@")
[[ $dev == nvme0 ]]
[[ $(nvme-registry owner nvme0) == stas ]]
nvme-registry register nvme0 --owner nbft
nvme-registry update nvme0 -a note -V boot
[[ $(nvme-registry retrieve nvme0 -a note) == boot ]]
nvme-registry list --json
nvme-registry status
nvme-registry export nvme0
nvme-registry release nvme0 --owner nbft
nvme-registry claim nvme0 --owner stas
ACTION=remove DEVNAME=/dev/nvme0 SEQNUM=1 nvme-registry uevent
nvme-registry sweep
nvme-registry check nvme0 --as stas
nvme-registry disconnect nvme0 --owner stas
EOT

sandbox_of_udevd() {
    sed -n '/^\[Service\]/,$p' /usr/lib/systemd/system/systemd-udevd.service |
        grep -E '^(Private|Protect|Restrict|SystemCall|LockPersonality|MemoryDenyWriteExecute|IPAddress|NoNewPrivileges|Capability|DeviceAllow)'
}

unit() { # NAME LINES OF [Service]...
    local name=$1
    shift
    options loop sandbox
    {
        printf '[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\n'
        printf 'ExecStart=/bin/bash %s/life %s\n' "$case_dir" "${opts[*]}"
        printf 'StandardOutput=file:%s/%s.out\nStandardError=inherit\n' "$case_dir" "$name"
        printf '%s\n' "$@"
    } >"/run/systemd/system/$name.service"
    systemctl daemon-reload
    journal_mark
    run systemctl start "$name.service"
    sed 's/^/    /' "$case_dir/$name.out"
    equal "$name: everything works" 0 "$code"
    settle
    equal "$name: nothing is left" '' "$(leftovers)"
    rm "/run/systemd/system/$name.service"
}

mapfile -t sandbox < <(sandbox_of_udevd)
printf '# %s\n' "${sandbox[@]}"
matches "the stock unit has a sandbox" 'SystemCallFilter=.*RestrictAddressFamilies=|RestrictAddressFamilies=.*SystemCallFilter=' "${sandbox[*]}"
unit like-udevd "${sandbox[@]}"
matches "like udevd: logged with its fields" 'nvme0 claimed stas' "$(journal_story)"

unit like-a-daemon 'RestrictAddressFamilies=AF_INET AF_INET6' ProtectSystem=full
for line in 'registered to nbft' 'claimed by stas'; do
    matches "like a daemon: the line arrived" "nvme0: $line" "$(journal_text)"
    matches "like a daemon: through the kernel" "nvme0: $line" "$(journal_text _TRANSPORT=kernel)"
done

# And where a unit hides the kernel's log as well, standard error is left.
unit like-a-hermit 'RestrictAddressFamilies=AF_INET AF_INET6' ProtectSystem=full PrivateDevices=no 'InaccessiblePaths=/dev/kmsg'
matches "like a hermit: on standard error" 'nvme0: claimed by stas' "$(<"$case_dir/like-a-hermit.out")"
