#!/usr/bin/env bash
# Debian's nvme-cli and the kernel do their work with our rule installed and without it: the same exit codes and the same
# controllers, for connecting, resetting, reconnecting and losing them. Without the rule the entry stays when its
# controller goes, which is what the rule is for; with it no entry is left and nothing of ours goes wrong.
. ./disks.sh

table=${results:-$case_dir}/nvme-cli.md
rules=/run/udev/rules.d
our_rule() { # on|off
    mkdir -p "$rules"
    rm -f "$rules/70-nvme-registry.rules"
    [[ $1 == on ]] || ln -s /dev/null "$rules/70-nvme-registry.rules"
    udevadm control --reload
    settle
}

# Runs nvme-cli and adds its exit code to $came.
nvme_cli() {
    run nvme "$@"
    came+="exit $code, "
}
# Adds every controller and its state, by the kernel; a registered one has the orchestrator's name in the registry.
controllers_are() {
    local controller all=
    for controller in /sys/class/nvme/nvme*; do
        [[ ! -e $controller ]] || all+="${controller##*/} $(<"$controller/state") "
    done
    came+=${all:-no controller}
}
at=(-a 127.0.0.1 -s 4420 -i 1)
n=${nqn_prefix}beside
connected() { run nvme connect -t tcp "${at[@]}" -n "$n" "$@"; dev=$(device_of beside); registered; }
registered() { nvme-registry register "$dev" --owner script; }
lost() { target_gone tcp beside; rmdir "$nvmet/ports/${port_number[tcp]}"; }

# --- the situations: each leaves in $came what nvme-cli and the kernel made of it ---

connect_and_disconnect() { # TRANSPORT
    local where=()
    [[ $1 == loop ]] || where=("${at[@]}")
    nvme_cli connect -t "$1" "${where[@]}" -n "${nqn_prefix}$2"
    dev=$(device_of "$2")
    registered
    controllers_are
    came+=', then '
    nvme_cli disconnect -d "$dev"
    controllers_are
}
over_loop() { connect_and_disconnect loop beside-loop; }
over_tcp() { connect_and_disconnect tcp beside; }
connected_already() {
    connected
    nvme_cli connect -t tcp "${at[@]}" -n "$n"
    controllers_are
}
connect_all() {
    nvme_cli connect-all -t tcp -a 127.0.0.1 -s 4420 -i 1
    dev=$(device_of beside)
    registered
    controllers_are
}
looked_at() {
    connected
    nvme_cli list -o json
    nvme_cli list-subsys -o json
    nvme_cli id-ctrl "/dev/$dev" -o json
    nvme_cli ns-rescan "/dev/$dev"
    controllers_are
}
reset() {
    connected
    nvme_cli reset "/dev/$dev"
    wait_until has_state "$dev" live
    controllers_are
}
reconnects() {
    connected --reconnect-delay=1 --ctrl-loss-tmo=600
    lost
    wait_until has_state "$dev" connecting
    controllers_are
    target tcp beside
    wait_until has_state "$dev" live
    came+='then '
    controllers_are
}
loss_expires() {
    connected --reconnect-delay=1 --ctrl-loss-tmo=2
    lost
    udevadm wait --removed --timeout=120 "/dev/$dev"
    controllers_are
    target tcp beside
}
by_subsystem() {
    connected
    nvme_cli disconnect -n "$n"
    controllers_are
}
all_at_once() {
    connected
    run nvme connect -t loop -n "${nqn_prefix}beside-loop"
    dev=$(device_of beside-loop)
    registered
    nvme_cli disconnect-all
    controllers_are
}
again_at_once() {
    connected
    nvme_cli disconnect -d "$dev"
    nvme_cli connect -t tcp "${at[@]}" -n "$n"
    controllers_are
}

# The entries that are there, after udevd has handled everything; "stale" if their controller is not.
entries_are() {
    local all=
    settle
    for entry in "$registry"/nvme*; do
        [[ -e $entry ]] || continue
        if nvme-registry list --names | grep -qx "${entry##*/}"; then all+='live '; else all+='**stale** '; fi
    done
    echo "${all:-none}"
}

# one SITUATION: sets $came and $kept, and leaves no controller and no entry.
one() {
    came=
    say "$1, our rule ${rule_is}"
    "$1"
    kept=$(entries_are)
    for dev in /sys/class/nvme/nvme*; do [[ ! -e $dev ]] || take_down "${dev##*/}"; done
    settle
    [[ $rule_is == off ]] || equal "$1: no entry is left" '' "$(leftovers)"
    rm -rf "$registry"
}

target loop beside-loop
target tcp beside
target_disk beside plain
situations=(over_loop over_tcp connected_already connect_all looked_at reset reconnects loss_expires by_subsystem
    all_at_once again_at_once)
declare -A without without_kept
rule_is=off
our_rule off
for situation in "${situations[@]}"; do
    one "$situation"
    without[$situation]=$came
    without_kept[$situation]=$kept
done

rule_is=on
our_rule on
journal_mark
same=0 stale=0
printf '%s\n' '| situation | nvme-cli and kernel, without our rule | with it | entries without | with |' \
    '|---|---|---|---|---|' >"$table"
for situation in "${situations[@]}"; do
    one "$situation"
    equal "$situation: nvme-cli and the kernel do the same with our rule" "${without[$situation]}" "$came"
    absent "$situation: no stale entry" stale "$kept"
    [[ $kept != *stale* ]] || stale=$((stale + 1))
    if [[ ${without[$situation]} == "$came" ]]; then
        same=$((same + 1))
        came='the same'
    fi
    printf '| %s | %s | %s | %s | %s |\n' "${situation//_/ }" "${without[$situation]% }" "$came" \
        "${without_kept[$situation]% }" "${kept% }" >>"$table"
done
errors=$(journal_errors)
equal "errors of ours in the journal" '' "$errors"
matches "without the rule stale entries are left, so the comparison is one" stale "${without_kept[*]}"
cat "$table"
figures "nvme-cli $(nvme version | awk '{ print $3; exit }'): ${#situations[@]} situations, with our rule the same result in $same;" \
    "errors of ours in the journal: $(grep -c . <<<"$errors" || true); situations that leave a stale entry: $stale"
