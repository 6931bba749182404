#!/usr/bin/env bash
# 200 rounds (VM_ROUNDS) of what happens to controllers while fio reads and writes a disk over two paths: resets, a target
# that goes and comes back, ctrl_loss_tmo that expires, ANA changes, namespaces that come and go, reconnects at once. The
# entry of the first path is never lost, that of the second is its own in each of its lives, and fio reads what it wrote.
. ./disks.sh

# Of 1,000 rounds, which VM_ROUNDS is unless told otherwise, 200: fewer in proportion, and of each kind at least two.
part() { local of=$(($1 * $(<rounds) / 1000)); echo $((of > 2 ? of : 2)); }
resets=$(part 50) teardowns=$(part 20) losses=$(part 20) ana_changes=$(part 40) namespaces=$(part 30) reconnects=$(part 40)
total=$((resets + teardowns + losses + ana_changes + namespaces + reconnects))
played=0

native_multipath Y
target tcp io
target tcp-b io
target_disk io plain
patient=(reconnect_delay=1 ctrl_loss_tmo=600)
connect_stranger tcp io "${patient[@]}"
first=$dev
disk_of "$first"
nvme-registry register "$first" --owner stas
ana_of() { cat "/sys/class/nvme/$1/${disk%n*}c${1#nvme}n${disk##*n}/ana_state" 2>/dev/null; }
has_ana() { [[ $(ana_of "$1") == "$2" ]]; }

# The second path, connected and registered in one step: a new owner in each of its lives.
lives=0
second_path() { # [OPTION...]
    local opts
    options tcp-b io
    lives=$((lives + 1))
    second=$(basename "$(nvme-registry connect --owner "life$lives" "${opts[@]}" "$@")")
    wait_until has_ana "$second" optimized
}
second_path "${patient[@]}"

# fio over and over, each run written and verified to its end, while the rounds go on. It rests now and then: the
# processor of the guest is for the rounds, too.
written=$case_dir/written
: >"$written"
fio_runs() {
    cd "$case_dir"
    until [[ -e stop ]]; do
        fio --name=verified --filename="/dev/$disk" --rw=randwrite --bs=4k --size=2M --offset=$((RANDOM % 30))M --direct=1 \
            --ioengine=psync --verify=crc32c --verify_fatal=1 --do_verify=1 --verify_state_save=0 --rate_iops=100 \
            --output-format=terse >fio.out 2>fio.err || { echo "exit code $?: $(<fio.err)" >>fio.failed; return; }
        # Fields 6 and 47 are the KiB read and written, field 5 is the error.
        awk -F ';' '{ print $5, $6, $47 }' fio.out >>"$written"
    done
}
fio_runs &
fio=$!
# Something of fio's is done on the disk in this round: it is under way.
disk_reads_and_writes() { local stat; read -ra stat <"/sys/block/$disk/stat"; echo $((stat[0] + stat[4])); }
moves_on() { (($(disk_reads_and_writes) > before)); }
under_way() {
    before=$(disk_reads_and_writes)
    wait_until moves_on
}

lost=0 stale=0
# After each round: the first path's entry is what it was; the second's is its own.
judge() { # KIND OWNER
    [[ $(entry "$first") == owner=stas ]] || { lost=$((lost + 1)); say "$1: $first has $(entry "$first")"; }
    [[ $(entry "$second") == "owner=$2" ]] || { lost=$((lost + 1)); say "$1: $second has $(entry "$second")"; }
}
kind() { # COUNT NAME
    local started=$SECONDS
    for ((round = 1; round <= $1; round++)); do
        under_way
        "$2"
        judge "$2" "life$lives"
        played=$((played + 1))
    done
    say "$1 rounds of $2 in $((SECONDS - started)) s"
}

one_reset() {
    local which=$first
    ((round % 2)) || which=$second
    nvme reset "/dev/$which"
    wait_until has_state "$which" live
}
# Both paths lose their target at once: requests wait, and go on when it is back.
one_teardown() {
    target_gone tcp io
    target_gone tcp-b io
    wait_until has_state "$first" connecting
    wait_until has_state "$second" connecting
    target tcp io
    target tcp-b io
    wait_until has_state "$first" live
    wait_until has_state "$second" live
}
one_loss() {
    take_down "$second"
    second_path reconnect_delay=1 ctrl_loss_tmo=1
    judge "before its target goes" "life$lives"
    target_gone tcp-b io
    udevadm wait --removed --timeout=120 "/dev/$second"
    settle
    [[ $(entry "$second") == none ]] || { stale=$((stale + 1)); say "lost: $second has $(entry "$second")"; }
    target tcp-b io
    second_path "${patient[@]}"
}
ana_states=(non-optimized inaccessible optimized)
one_ana() {
    local want=${ana_states[round % 3]}
    echo "$want" >"$nvmet/ports/${port_number[tcp-b]}/ana_groups/1/ana_state"
    wait_until has_ana "$second" "$want"
}
space=$nvmet/subsystems/${nqn_prefix}io/namespaces/2
one_namespace() {
    mkdir "$space"
    truncate -s 1M "$case_dir/second.img"
    printf %s "$case_dir/second.img" >"$space/device_path"
    echo 1 >"$space/buffered_io"
    echo 1 >"$space/enable"
    wait_until test -b "/dev/${disk%n*}n2"
    echo 0 >"$space/enable"
    wait_until test ! -e "/sys/block/${disk%n*}n2"
    rmdir "$space"
}
one_reconnect() {
    take_down "$second"
    second_path "${patient[@]}"
}

journal_mark
kind "$resets" one_reset
kind "$ana_changes" one_ana
echo optimized >"$nvmet/ports/${port_number[tcp-b]}/ana_groups/1/ana_state"
wait_until has_ana "$second" optimized
kind "$namespaces" one_namespace
kind "$reconnects" one_reconnect
kind "$teardowns" one_teardown
kind "$losses" one_loss

: >"$case_dir/stop"
wait "$fio"
equal "fio: failures" '' "$(cat "$case_dir/fio.failed" 2>/dev/null || true)"
read -r runs errors kib_read kib_written < <(awk '{ e += $1; r += $2; w += $3 } END { print NR, e, r, w }' "$written")
equal "fio: errors" 0 "$errors"
equal "fio: it wrote" yes "$( ((kib_written > 0)) && echo yes)"
equal "fio: and read back all of it, in KiB" "$kib_written" "$kib_read"
equal "rounds played" "$total" "$played"
equal "live entries lost" 0 "$lost"
equal "stale entries" 0 "$stale"
settle
for dev in "$first" "$second"; do take_down "$dev"; done
settle
equal "entries left" '' "$(leftovers)"
went_wrong=$(journal_errors)
equal "errors of ours in the journal" '' "$went_wrong"
figures "$played rounds under fio ($resets resets, $ana_changes ANA changes, $namespaces namespaces attached and detached," \
    "$reconnects reconnects at once, $teardowns teardowns of the target, $losses expiries of ctrl_loss_tmo):" \
    "live entries lost: $lost, stale entries: $stale, errors of ours: $(grep -c . <<<"$went_wrong" || true);" \
    "fio: $runs runs, $((kib_written / 1024)) MiB written and verified, errors: $errors"
