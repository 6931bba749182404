#!/usr/bin/env bash
# 32 controllers removed at once, one after the other in three rounds: with no rule, with a rule that runs a program which
# only exits (what udevd and the kernel take to run anything), with one that runs an empty Rust program, with libnvme's and
# with ours: how long udevd is busy with them. What is left of the entries is checked; times are printed and nothing is
# concluded from them, since they depend on the machine. The table goes to the results.
. ./lib.sh

count=32 rounds=3
names=(no exit empty libnvme our)
rules=/run/udev/rules.d

install_no_rule() {
    mkdir -p "$rules"
    rm -f "$rules"/7[01]-*.rules
    # Ours is masked by its own name.
    ln -s /dev/null "$rules/70-nvme-registry.rules"
    udevadm control --reload
}

install_exit_rule() { install_program exit; }
install_empty_rule() { install_program floor; }

install_program() { # PROGRAM of the bench, for the events that our rule is for
    [[ -x $PWD/$1 ]] || fail "$1 is not there"
    install_no_rule
    echo "ACTION==\"remove\", SUBSYSTEM==\"nvme\", KERNEL==\"nvme*\", RUN+=\"$PWD/$1\"" >"$rules/71-floor.rules"
    udevadm control --reload
}

install_libnvme_rule() {
    install_no_rule
    libnvme_rule >"$rules/70-nvmf-registry.rules"
    udevadm control --reload
}

install_our_rule() {
    rm -f "$rules"/7[01]-*.rules
    udevadm control --reload
}

table=${results:?the directory of the results}/storm.md
declare -A settled total left=([no]=$count [exit]=$count [empty]=$count [libnvme]=0 [our]=0)

for ((i = 0; i < count; i++)); do target loop "storm$i"; done

storm() { # RULE
    local start removed devices=()
    "install_$1_rule"
    for ((i = 0; i < count; i++)); do
        connect_stranger loop "storm$i"
        devices+=("$dev")
    done >/dev/null
    settle
    # All entries are libnvme's, so that both rules have the same ones before them.
    for dev in "${devices[@]}"; do libnvme_entry "$dev" storm; done
    equal "entries before, $1 rule" "$count" "$(nvme-registry list --names | wc -l)"

    start=${EPOCHREALTIME//[.,]/}
    for dev in "${devices[@]}"; do take_down "$dev" & done
    wait
    removed=${EPOCHREALTIME//[.,]/}
    settle
    settled[$1]+=" $(((${EPOCHREALTIME//[.,]/} - removed) / 1000))"
    total[$1]+=" $(((${EPOCHREALTIME//[.,]/} - start) / 1000))"

    equal "controllers left, $1 rule" '' "$(ls /sys/class/nvme)"
    equal "entries left, $1 rule" "${left[$1]}" "$(find "$registry" -mindepth 1 -maxdepth 1 | wc -l)"
    rm -rf "$registry"
}

for ((round = 0; round < rounds; round++)); do
    for rule in "${names[@]}"; do storm "$rule"; done
done
install_our_rule

median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }
{
    echo "| $count controllers removed at once, rule | settle, ms: rounds | median | × no rule | all, ms: median |"
    echo '|---|---|---:|---:|---:|'
    for rule in "${names[@]}"; do
        read -ra settle_times <<<"${settled[$rule]}"
        read -ra all_times <<<"${total[$rule]}"
        middle=$(median "${settle_times[@]}")
        [[ $rule != no ]] || none=$middle
        printf '| %s | %s | %d | %d.%02d | %d |\n' "$rule" "${settle_times[*]}" "$middle" \
            $((middle / none)) $((middle * 100 / none % 100)) "$(median "${all_times[@]}")"
    done
} | tee "$table"
