#!/usr/bin/env bash
# What the cases share, all of it run in the guest: targets to connect to, ways to connect, ways to hold udevd or a
# process still, and checks. A case sources this file and is then strict: a failing command that is not checked ends
# it, a failed check is counted and printed, and a case that checked nothing fails.
#
# Nothing here sleeps. What the kernel can be waited for is waited for (a write to delete_controller returns after the
# event is numbered; `udevadm settle` returns after udevd handled it); a process is held by a SIGSTOP at a chosen
# system call, and the line in which strace says so is read from a pipe.
# shellcheck disable=SC2034 # some variables are for the cases
set -euo pipefail

registry=/run/nvme/registry
nvmet=/sys/kernel/config/nvmet
case_dir=/run/vm-case
nqn_prefix=nqn.2026-01.test:
checks=0
failures=0
export SYSTEMD_COLORS=0 SYSTEMD_PAGER=

# --- checks ---

say() { printf '# %s\n' "$*"; }

fail() {
    failures=$((failures + 1))
    printf 'FAILED: %s\n' "$*"
}

equal() { # WHAT WANTED GOT
    checks=$((checks + 1))
    if [[ $2 == "$3" ]]; then
        printf 'ok: %s\n' "$1"
    else
        fail "$1"
        printf '    wanted: %q\n    got:    %q\n' "$2" "$3"
    fi
}

matches() { # WHAT REGEX TEXT
    checks=$((checks + 1))
    if [[ $3 =~ $2 ]]; then
        printf 'ok: %s\n' "$1"
    else
        fail "$1"
        printf '    wanted a match of: %s\n    in: %q\n' "$2" "$3"
    fi
}

absent() { # WHAT STRING TEXT: the text does not contain the string
    checks=$((checks + 1))
    if [[ $3 != *"$2"* ]]; then
        printf 'ok: %s\n' "$1"
    else
        fail "$1"
        printf '    not wanted: %q\n    in: %q\n' "$2" "$3"
    fi
}

# Runs a command; what it said is in $out and $err, how it ended in $code.
run() {
    code=0
    out=$("$@" 2>"$case_dir/stderr") || code=$?
    err=$(<"$case_dir/stderr")
    printf '$ %s\n' "$*"
    [[ -z $out ]] || printf '%s\n' "$out"
    [[ -z $err ]] || printf '%s\n' "$err"
    printf '    exit code %d\n' "$code"
}

expect() { # CODE COMMAND...
    local wanted=$1
    shift
    run "$@"
    equal "exit code of: $*" "$wanted" "$code"
}

finish() {
    local code=$?
    if ((code)); then
        printf 'FAILED: the case ended early, status %d\n' "$code"
    elif ((checks == 0)); then
        printf 'FAILED: the case checked nothing\n'
        code=1
    elif ((failures)); then
        printf '%d of %d checks failed\n' "$failures" "$checks"
        code=1
    else
        printf 'all %d checks hold\n' "$checks"
    fi
    exit "$code"
}
trap finish EXIT
# The time limit's signal; without this the case would seem to have come to its end.
trap 'exit 143' TERM
trap 'printf "FAILED: line %d: %s\n" "$LINENO" "$BASH_COMMAND"' ERR

# --- modules ---

modules=(nvmet nvme-loop nvmet-tcp nvme-tcp nvme-fabrics null_blk nvme)
modules_load() { modprobe -a "${modules[@]}"; }

# Native multipath is decided when nvme_core is loaded. There may be no controller and no target.
native_multipath() { # Y|N
    local parameter=/sys/module/nvme_core/parameters/multipath
    [[ $(<"$parameter") != "$1" ]] || return 0
    modprobe -r -a nvme-loop nvme-tcp nvmet-tcp nvmet nvme nvme-fabrics nvme-core
    modprobe nvme-core "multipath=$1"
    modules_load
    [[ $(<"$parameter") == "$1" ]]
}

# --- targets: nvmet on this same kernel, over loop or tcp to 127.0.0.1 ---

# One port for each transport, made on first use; the kernel wants a number for a name. Sets $port.
# loop-b and tcp-b are second ports, for a second path.
declare -A port_number=([loop]=1 [tcp]=2 [loop-b]=3 [tcp-b]=4)
declare -A port_address=([loop]='' [loop-b]=b [tcp]=4420 [tcp-b]=4421)
target_port() {
    port=$nvmet/ports/${port_number[$1]}
    [[ ! -d $port ]] || return 0
    mkdir "$port"
    echo "${1%-b}" >"$port/addr_trtype"
    case $1 in
    loop-b) echo b >"$port/addr_traddr" ;;
    tcp*)
        echo ipv4 >"$port/addr_adrfam"
        echo 127.0.0.1 >"$port/addr_traddr"
        echo "${port_address[$1]}" >"$port/addr_trsvcid"
        ;;
    esac
}

# target TRANSPORT NAME: a subsystem without namespaces, which is all a controller needs to be.
target() {
    local subsystem=$nvmet/subsystems/$nqn_prefix$2
    if [[ ! -d $subsystem ]]; then
        mkdir "$subsystem"
        echo 1 >"$subsystem/attr_allow_any_host"
    fi
    target_port "$1"
    ln -s "$subsystem" "$port/subsystems/$nqn_prefix$2"
}

# The target goes away; the host side is told nothing.
target_gone() { rm "$nvmet/ports/${port_number[$1]}/subsystems/$nqn_prefix$2"; }

target_reset() {
    local path
    for path in "$nvmet"/ports/*/subsystems/*; do [[ ! -L $path ]] || rm "$path"; done
    for path in "$nvmet"/subsystems/*/allowed_hosts/*; do [[ ! -L $path ]] || rm "$path"; done
    for path in "$nvmet"/ports/* "$nvmet"/subsystems/*/namespaces/* "$nvmet"/subsystems/* "$nvmet"/hosts/*; do
        [[ ! -d $path ]] || rmdir "$path"
    done
}

# --- connecting ---

# The options of the kernel that reach a target made above; no keep-alive, which a busy host would miss. Sets $opts.
options() { # TRANSPORT NAME
    opts=("transport=${1%-b}" "nqn=$nqn_prefix$2" nr_io_queues=1 keep_alive_tmo=0)
    case $1 in
    loop-b) opts+=("traddr=${port_address[$1]}") ;;
    tcp*) opts+=(traddr=127.0.0.1 "trsvcid=${port_address[$1]}") ;;
    esac
}

# Connects behind the registry's back, as a connector that does not know it: one write, and the instance read from
# the same descriptor. No process is started, so that it is quick. Sets $dev.
connect_stranger() { # TRANSPORT NAME [OPTION...]
    local fabrics reply opts
    options "$1" "$2"
    opts+=("${@:3}" "hostnqn=$(</etc/nvme/hostnqn)" "hostid=$(</etc/nvme/hostid)")
    exec {fabrics}<>/dev/nvme-fabrics
    (IFS=,; printf %s "${opts[*]}" >&"$fabrics")
    read -r reply <&"$fabrics"
    exec {fabrics}>&-
    reply=${reply#instance=}
    dev=nvme${reply%%,*}
    say "$dev: connected behind the registry, $1 $2"
}

connect_nvme_cli() { # TRANSPORT NAME
    local address=()
    [[ $1 != tcp ]] || address=(-a 127.0.0.1 -s 4420)
    run nvme connect -t "$1" "${address[@]}" -n "$nqn_prefix$2" -i 1 -o json
    ((code == 0))
    dev=$(device_of "$2")
}

# Connects and registers with the product. Sets $dev.
connect_owned() { # TRANSPORT NAME OWNER [OPTION...]
    local opts owner=$3
    options "$1" "$2"
    run nvme-registry connect --owner "$owner" "${opts[@]}" "${@:4}"
    ((code == 0))
    dev=${out##*/}
}

# The controller that is connected to a target, by what the kernel says.
device_of() {
    local controller
    for controller in /sys/class/nvme/nvme*; do
        [[ $(<"$controller/subsysnqn") != "$nqn_prefix$1" ]] || printf '%s\n' "${controller##*/}"
    done
}

there() { [[ -e /sys/class/nvme/$1 ]] && echo yes || echo no; }

# Returns when the controller is gone and its remove event has its number.
take_down() { echo 1 >"/sys/class/nvme/$1/delete_controller"; }

# Takes a controller down and connects the same name again at once, behind the registry.
recycle() { # DEVICE TRANSPORT NAME
    take_down "$1"
    connect_stranger "$2" "$3"
    equal "the kernel reused the name $1" "$1" "$dev"
}

# --- the registry, read without the product ---

entry() { # DEVICE -> its attributes as sorted name=value pairs, or "none"
    local attribute
    [[ -d $registry/$1 ]] || { echo none; return; }
    for attribute in "$registry/$1"/*; do
        [[ ! -f $attribute ]] || printf '%s=%s\n' "${attribute##*/}" "$(<"$attribute")"
    done | grep -v -e '^seqnum=' -e '^incarnation=' | paste -sd' '
}

# Everything in the registry, hidden names too: what is left when nothing should be.
leftovers() { [[ ! -d $registry ]] || find "$registry" -mindepth 1 -printf '%P\n' | sort | paste -sd' '; }

# An entry as libnvme 3 writes it: built aside and renamed in; the stamp is read after the connect.
libnvme_entry() { # DEVICE OWNER [STAMP], an empty stamp for none
    local new=$registry/.$1.tmp.shell stamp=${3-$(</sys/kernel/uevent_seqnum)}
    mkdir -p "$new"
    echo "$2" >"$new/owner"
    [[ -z $stamp ]] || echo "$stamp" >"$new/seqnum"
    rm -rf "${registry:?}/$1"
    mv -T "$new" "$registry/$1"
}

# The udev rule of libnvme 3, written from a description of its logic: node check, then stamp, then rm -rf. FIRST is a
# command of shell that runs before it.
libnvme_rule() { # [FIRST]
    cat <<RULE
ACTION=="remove", SUBSYSTEM=="nvme", KERNEL=="nvme[0-9]*", \\
    RUN+="/bin/sh -c '${1:+$1; }[ -e /dev/%k ] || [ \$env{SEQNUM} -le \$\$(cat /run/nvme/registry/%k/seqnum 2>/dev/null || echo 0) ] || rm -rf /run/nvme/registry/%k'"
RULE
}

# --- udevd ---

udevd_pid() { systemctl show --property=MainPID --value systemd-udevd.service; }
udevd_stop() { kill -STOP "$(udevd_pid)"; }
udevd_resume() { kill -CONT "$(udevd_pid)"; }
udevd_hold() { udevadm control --stop-exec-queue; }
udevd_release() { udevadm control --start-exec-queue; }
settle() { udevadm settle --timeout=120; }

# --- holding a process at a system call ---
#
# strace sends the SIGSTOP itself, so the place is exact: the process stops when the system call is done. `proceed`
# lets it go on.

# Waits for a line of strace's; the case's time limit is the bound.
held_line() { # PATTERN
    local line
    while read -r line <&"$held_lines"; do
        printf '    %s\n' "$line"
        # shellcheck disable=SC2053 # a pattern is meant
        [[ $line != $1 ]] || { held_pid=${line%% *}; return 0; }
    done
    fail "strace ended before: $1"
    return 1
}

held_pipe() {
    rm -f "$case_dir/held"
    mkfifo "$case_dir/held"
    # For writing too: opening does not wait for strace.
    exec {held_lines}<>"$case_dir/held"
}

# hold PATH CALLS COMMAND...: runs the command until it has made its first system call of CALLS on PATH, and returns
# with it stopped. After `proceed` its output is in $out and $err, its exit code in $code.
hold() {
    local path=$1 calls=$2
    shift 2
    printf '$ %s (held at %s of %s)\n' "$*" "$calls" "$path"
    held_pipe
    { strace -f -qq -o "$case_dir/held" -P "$path" -e "trace=$calls" -e "inject=$calls:signal=SIGSTOP:when=1" "$@" \
        >"$case_dir/held.out" 2>"$case_dir/held.err" || echo "$?" >"$case_dir/held.code"
        echo ended >"$case_dir/held"; } &
    held_strace=$!
    echo 0 >"$case_dir/held.code"
    held_line '*--- stopped by SIGSTOP ---'
}

proceed() {
    kill -CONT "$held_pid"
    held_line ended
    exec {held_lines}>&-
    wait "$held_strace"
    code=$(<"$case_dir/held.code")
    out=$(<"$case_dir/held.out")
    err=$(grep -v '^strace: ' "$case_dir/held.err" || true)
    printf '%s\n%s\n    exit code %d\n' "$out" "$err" "$code"
}

# hold_rule PATH CALLS [NUMBER]: from now on, the first program run by a udev rule that makes such a system call (for the
# NUMBERth time) is stopped there, in udevd's own sandbox. `held_rule` waits until one is; `proceed_rule` lets it go on.
hold_rule() {
    local pids
    settle
    # The workers too: an idle one is used again.
    mapfile -t pids < <(udevd_pid; pgrep -P "$(udevd_pid)" || true)
    held_pipe
    strace -f -o "$case_dir/held" -P "$1" -e "trace=$2" -e "inject=$2:signal=SIGSTOP:when=${3-1}" \
        "${pids[@]/#/-p}" 2>&"$held_lines" &
    held_strace=$!
    # An idle worker may have ended meanwhile: strace says so instead, and goes on with the others.
    for _ in "${pids[@]}"; do held_line '*attach*'; done
}

held_rule() {
    held_line '*--- stopped by SIGSTOP ---'
    say "held: $(tr '\0' ' ' <"/proc/$held_pid/cmdline")"
}

# The same where the call may never be made: fails when udevd has handled everything without it.
held_rule_or_done() {
    local line waiter status=1
    { settle; echo settled >&"$held_lines"; } &
    waiter=$!
    while read -r line <&"$held_lines" && [[ $line != settled ]]; do
        [[ $line != *'--- stopped by SIGSTOP ---' ]] || { held_pid=${line%% *}; status=0; break; }
    done
    kill "$waiter" 2>/dev/null || true
    wait "$waiter" || true
    return "$status"
}

# strace lets go first, or the next program would be held as well.
proceed_rule() {
    kill -INT "$held_strace"
    wait "$held_strace" || true
    exec {held_lines}>&-
    kill -CONT "$held_pid"
    settle
}

# --- the log ---

# journal_mark remembers this moment; journal_text prints what the product logged since, one message a line;
# journal_story prints its fields: device, action, owner, reason. More arguments are matches of journalctl.
journal_mark() {
    journalctl --sync
    journal_cursor=$(journalctl -n 1 --show-cursor -q | sed -n 's/^-- cursor: //p')
}
journal_text() {
    journalctl --sync
    journalctl -q --after-cursor="$journal_cursor" -t nvme-registry -o cat "$@"
}
journal_story() {
    journalctl --sync
    journalctl -q --after-cursor="$journal_cursor" -t nvme-registry -o export \
        --output-fields=NVME_DEVICE,NVME_ACTION,NVME_OWNER,NVME_REASON "$@" |
        awk -F= '
            /^NVME_/ { field[$1] = substr($0, index($0, "=") + 1) }
            /^$/ {
                printf "%s %s %s %s\n", field["NVME_DEVICE"], field["NVME_ACTION"], field["NVME_OWNER"], field["NVME_REASON"]
                delete field
            }'
}

# What went wrong since journal_mark, one message a line: what the product logged as a warning or worse, and what udevd
# says of it, which includes every exit code that is not 0.
journal_errors() {
    journalctl --sync
    journalctl -q --after-cursor="$journal_cursor" -t nvme-registry -p warning -o cat "$@"
    journalctl -q --after-cursor="$journal_cursor" -t systemd-udevd -t '(udev-worker)' -o cat -g nvme-registry || true
}

# --- figures: one line each, which the run prints at its end and a document can quote ---

# What the text says of a check, it may only say if no check of the case has failed before.
figures() { # TEXT
    local text="$*"
    ((failures == 0)) || text="not to be quoted, $failures checks failed: $text"
    say "$text"
    printf '%s: %s\n' "$(basename "$0" .sh)" "$text" >>"${results:-$case_dir}/figures.txt"
}

# --- counting what is started ---

# The kernel's own tracepoint of exec, filtered to the product, so that a process that lives for a millisecond counts.
tracing=/sys/kernel/tracing
count_execs() {
    mountpoint -q "$tracing" || mount -t tracefs tracefs "$tracing"
    echo 'filename ~ "*nvme-registry"' >"$tracing/events/sched/sched_process_exec/filter"
    echo 1 >"$tracing/events/sched/sched_process_exec/enable"
    : >"$tracing/trace"
}
execs() { grep -c sched_process_exec: "$tracing/trace" || true; }

# --- the local drive ---

pcie_unplug() {
    local controller
    for controller in /sys/class/nvme/nvme*; do
        [[ ! -e $controller/transport || $(<"$controller/transport") != pcie ]] || echo 1 >"$controller/device/remove"
    done
}

# Returns when the controller is there and its events are handled. Sets $dev.
pcie_plug() {
    local controller
    echo 1 >/sys/bus/pci/rescan
    # The driver probes on its own time, and a directory of sysfs that is not there yet cannot be waited for.
    until controller=$(grep -lx pcie /sys/class/nvme/nvme*/transport 2>/dev/null); do
        ((SECONDS < 200))
    done
    dev=$(basename "${controller%/transport}")
    udevadm wait --timeout=60 "/dev/$dev"
    settle
}
