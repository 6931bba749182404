#!/usr/bin/env bash
# `mount` against `disconnect`, unpaused, VM_ROUNDS times (1,000 unless told otherwise): whoever wins, there is never a
# mounted file system without a path. Two disconnects of the two paths of a mounted disk leave one. Then the same with
# `disconnect` held after each of its system calls in turn.
. ./disks.sh
holder=

rounds=$(<rounds)
native_multipath Y
# udevd has our rule and nothing else to do: the others look at every disk that comes, which is most of the time here.
mkdir -p /run/udev/rules.d
for rules in /usr/lib/udev/rules.d/*.rules; do
    [[ $rules == */70-nvme-registry.rules ]] || ln -sf /dev/null "/run/udev/rules.d/${rules##*/}"
done
udevadm control --reload
target loop race
target_disk race plain
mkdir -p "$mnt"

connect() {
    connect_stranger loop race >"$case_dir/connected"
    disk_of "$dev"
}
connect
# Without a journal, mounting is quick.
mkfs.ext4 -q -F -O '^has_journal' "/dev/$disk"
settle

# The file system that is mounted has a live path and answers, past every cache.
has_path() {
    [[ $(state "$dev") == live ]] && dd if="/dev/$disk" of=/dev/null bs=4096 count=1 iflag=direct status=none
}

# Who comes first is decided by a pause of the other one, in turns of an empty loop: of `disconnect` if lag is positive,
# of `mount` if it is negative. The lag moves against whoever won, in steps that are halved when the other one wins, so
# that soon all rounds are close; a little chance is added, so that they are not all alike.
lag=0 step=4096 last=
spin() { local turn; for ((turn = 0; turn < $1; turn++)); do :; done; }

adapt() { # WHO
    [[ -z $last || $last == "$1" ]] || step=$((step / 2))
    ((step > 32)) || step=32
    last=$1
    if [[ $1 == mount ]]; then lag=$((lag - step)); else lag=$((lag + step)); fi
}

mounts=0 disconnects=0 neither=0 lost=0
started=$SECONDS
for ((round = 1; round <= rounds; round++)); do
    turns=$((lag + RANDOM % 65 - 32))
    { ((turns >= 0)) || spin $((-turns)); exec mount -t ext4 "/dev/$disk" "$mnt"; } 2>>"$case_dir/mount.err" &
    mounter=$!
    ((turns <= 0)) || spin "$turns"
    if nvme-registry disconnect "$dev" >"$case_dir/disconnect.out" 2>&1; then went=yes; else went=no; fi
    if wait "$mounter"; then won=yes; else won=no; fi
    case $won-$went in
    yes-no)
        mounts=$((mounts + 1))
        adapt mount
        has_path || lost=$((lost + 1))
        umount "$mnt"
        ;;
    no-yes)
        disconnects=$((disconnects + 1))
        adapt disconnect
        ;;
    yes-yes)
        lost=$((lost + 1))
        say "round $round: mounted, and disconnected: $(<"$case_dir/disconnect.out")"
        umount "$mnt"
        ;;
    no-no) neither=$((neither + 1)) ;;
    esac
    [[ -e /sys/class/nvme/$dev ]] || connect
    ((round % 100)) || say "round $round, $((SECONDS - started)) s: mount won $mounts, disconnect $disconnects, lag $lag"
done
figures "$rounds rounds in $((SECONDS - started)) s: mount won $mounts, disconnect won $disconnects, neither $neither, mounted without a path: $lost"
say "what the mounts that lost said:"
grep -v dmesg "$case_dir/mount.err" | sort | uniq -c
equal "rounds with a mounted file system without a path" 0 "$lost"
equal "both sides won some" yes "$( ((mounts > 0 && disconnects > 0)) && echo yes || echo "$mounts, $disconnects")"
settle

# Both paths at once.
target loop-b race
pairs=$((rounds / 10)) one=0
mount_on_mnt "/dev/$disk"
for ((round = 1; round <= pairs; round++)); do
    first=$dev
    connect_stranger loop-b race >"$case_dir/connected"
    second=$dev
    wait_until compgen -G "/sys/class/nvme/$second/nvme*n1" >"$case_dir/connected"
    wait_until grep -qx optimized "/sys/class/nvme/$second"/nvme*n1/ana_state
    nvme-registry disconnect "$first" >"$case_dir/disconnect.out" 2>&1 &
    nvme-registry disconnect "$second" >"$case_dir/disconnect.out" 2>&1 || true
    wait $! || true
    for dev in "$first" "$second"; do [[ ! -e /sys/class/nvme/$dev ]] || break; done
    has_path || break
    one=$((one + 1))
    # Neither went, each having seen the other at work: that is safe, too.
    while [[ -e /sys/class/nvme/$first && -e /sys/class/nvme/$second ]]; do
        nvme-registry disconnect "$first" >"$case_dir/disconnect.out" 2>&1 || true
        dev=$second
    done
done
equal "rounds of two disconnects of two paths that left one" "$pairs" "$one"
figures "$pairs rounds of two disconnects of the two paths of a mounted disk: one path left in $one"
umount "$mnt"
settle

# Held after each system call. A plain run says which there are; a call that several names share is held each time.
calls='%file,%desc,fstat,read,write,flock'
strace -f -qq -o "$case_dir/calls" -e "trace=$calls" nvme-registry disconnect "$dev"
mapfile -t places < <(awk '{ sub(/^[0-9]+ +/, ""); sub(/\(.*/, ""); if (/^[a-z0-9_]+$/) print $0, ++seen[$0] }' "$case_dir/calls")
equal "there are places to hold it at" yes "$( ((${#places[@]} > 20)) && echo yes || echo "${#places[@]}")"
# Waits until it is held, or has ended without such a call. Sets $held_pid, empty in that case.
held_or_ended() {
    local line
    while read -r line <&"$held_lines"; do
        case $line in
        *'--- stopped by SIGSTOP ---') held_pid=${line%% *}; return ;;
        ended) held_pid=; return ;;
        esac
    done
}

mounts=0 disconnects=0 lost=0 passed=0
for place in "${places[@]}"; do
    read -r call nth <<<"$place"
    [[ -e /sys/class/nvme/$dev ]] || connect
    held_pipe
    { strace -f -qq -o "$case_dir/held" -e "trace=$call" -e "inject=$call:signal=SIGSTOP:when=$nth" \
        nvme-registry disconnect "$dev" >"$case_dir/disconnect.out" 2>&1 && echo yes >"$case_dir/went" || echo no >"$case_dir/went"
        echo ended >"$case_dir/held"; } &
    held_strace=$!
    held_or_ended
    won=no
    if [[ -n $held_pid && -b /dev/$disk ]] && mount -t ext4 "/dev/$disk" "$mnt" 2>>"$case_dir/mount.err"; then won=yes; fi
    if [[ -n $held_pid ]]; then
        kill -CONT "$held_pid"
        held_line ended >"$case_dir/connected"
    else
        passed=$((passed + 1))
    fi
    wait "$held_strace"
    exec {held_lines}>&-
    case $won-$(<"$case_dir/went") in
    yes-no) mounts=$((mounts + 1)); has_path || lost=$((lost + 1)) ;;
    no-yes) disconnects=$((disconnects + 1)) ;;
    *)
        lost=$((lost + 1))
        say "held at $call, number $nth: mounted $won, disconnected $(<"$case_dir/went"): $(<"$case_dir/disconnect.out")"
        ;;
    esac
    [[ $won == no ]] || umount "$mnt"
done
figures "disconnect held after each of its ${#places[@]} calls: mount won $mounts, disconnect won $disconnects, mounted without" \
    "a path: $lost; $passed calls were not made again"
equal "held: both sides won some" yes "$( ((mounts > 0 && disconnects > 0)) && echo yes || echo "$mounts, $disconnects")"
equal "held: mounted file systems without a path" 0 "$lost"
