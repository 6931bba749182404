#!/usr/bin/env bash
# The metrics with Prometheus' own tools, Debian's: promtool lints the text and tests the alert rules; a real node_exporter
# reads the file that the unit's script writes; a real Prometheus asks that node_exporter, and is asked for the join with the
# states of the paths and for every panel of the dashboard. metrics.sh BINARY
set -euo pipefail

binary=$(realpath -- "${1:?usage: metrics.sh BINARY}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
jobs=()
# Only what was started here.
trap '((${#jobs[@]} == 0)) || kill "${jobs[@]}" 2>/dev/null || true; wait; rm -rf -- "$work"' EXIT
export NVME_REGISTRY_LOG=off LC_ALL=C.UTF-8

fail() { printf 'FAILED: %s\n' "$*"; exit 1; }

# A host: a local drive; nvme1 with / is boot's, nvme2 with /data has no owner, nvme3's owner cannot be read, nvme4's name has
# what a label must escape; nvme7 is gone.
root=$work/root
mkdir -p "$root"/{dev,run,proc/self,proc/1,sys/kernel}
echo 1000 >"$root/sys/kernel/uevent_seqnum"
for number in 0 1 2 3 4 7; do
    controller=$root/sys/class/nvme/nvme$number
    mkdir -p "$controller/nvme${number}n1/holders"
    : >"$root/dev/nvme$number"
    transport=tcp
    [[ $number != 0 ]] || transport=pcie
    echo "$transport" >"$controller/transport"
    echo "nqn.2026-01.example:$number" >"$controller/subsysnqn"
    echo live >"$controller/state"
    # For node_exporter's own collector of nvme.
    for attribute in firmware_rev model serial cntlid; do echo 1 >"$controller/$attribute"; done
    echo "259:$number" >"$controller/nvme${number}n1/dev"
done
printf '29 1 259:%s / %s rw - ext4 /dev/nvme%sn1 rw\n' 1 / 1 2 /data 2 >"$root/proc/self/mountinfo"
cp "$root/proc/self/mountinfo" "$root/proc/1/mountinfo"
: >"$root/proc/swaps"
printf '#!/bin/sh\nexec %q --root %q "$@"\n' "$binary" "$root" >"$work/product"
chmod +x "$work/product"
"$work/product" register nvme1 --owner boot
"$work/product" register nvme4 --owner 'a "b" \c'
"$work/product" register nvme7 --owner gone
mkdir -p "$root/run/nvme/registry/nvme3/owner"
rm -r "$root/dev/nvme7" "$root/sys/class/nvme/nvme7"

# --- promtool ---

code=0
"$work/product" metrics >"$work/metrics" 2>"$work/stderr" || code=$?
((code == 3)) || fail "metrics: exit code $code, where an owner cannot be read"
promtool check metrics <"$work/metrics" >"$work/lint" 2>&1 || { cat "$work/lint"; fail 'promtool check metrics'; }
[[ ! -s $work/lint ]] || { cat "$work/lint"; fail 'promtool check metrics has a remark'; }
promtool check rules "$here/examples/prometheus/nvme-registry.rules.yml" >"$work/lint" 2>&1 || { cat "$work/lint"; fail 'the rules'; }
promtool test rules "$here/tests/metrics/rules.test.yml" >"$work/lint" 2>&1 || { cat "$work/lint"; fail 'the alerts'; }
echo 'promtool: the metrics have no remark, the alerts and the join are as they must be'

# --- the textfile ---

textfiles=$work/textfiles
mkdir "$textfiles"
script() { # PROGRAM: the script as it is installed, with this program
    sed "s|/usr/bin/nvme-registry|$1|g" "$here/metrics/metrics-textfile" >"$work/metrics-textfile"
    code=0
    sh "$work/metrics-textfile" "$textfiles/nvme-registry.prom" 2>/dev/null || code=$?
}
written() { cmp -s "$work/metrics" "$textfiles/nvme-registry.prom" && [[ $(ls -A "$textfiles") == nvme-registry.prom ]]; }
script "$work/product"
((code == 3)) || fail "the exit code is not passed on: $code"
written || fail 'the text is not published where an owner cannot be read'
before=$(stat -c %i "$textfiles/nvme-registry.prom")
# A descriptor that a reader holds has the old text, whole, while the new one is published.
exec 9<"$textfiles/nvme-registry.prom"
script "$work/product"
cmp -s "$work/metrics" - <&9 || fail 'a reader saw a text that was not whole'
exec 9<&-
[[ $(stat -c %i "$textfiles/nvme-registry.prom") != "$before" ]] || fail 'the file is not replaced by a rename'
for broken in "head -c 1000 $(printf %q "$work/metrics")" 'exit 0' 'exit 3'; do
    printf '#!/bin/sh\n%s\n' "$broken" >"$work/broken"
    chmod +x "$work/broken"
    script "$work/broken"
    ((code == 3)) || fail "exit code $code for: $broken"
    written || fail "the old file is not kept for: $broken"
done
echo 'metrics-textfile: by a rename, whole or not at all'

# --- a real node_exporter and a real Prometheus ---

# Debian's node_exporter is older than the collector nvmesubsystem; this is what that prints.
for number in 1 2; do
    for state in live connecting; do
        value=0
        [[ $number:$state != 1:connecting && $number:$state != 2:live ]] || value=1
        printf 'node_nvmesubsystem_path_state{subsystem="nvme-subsys%s",controller="nvme%s",transport="tcp",state="%s"} %s\n' \
            "$number" "$number" "$state" "$value"
    done
done >"$textfiles/nvmesubsystem.prom"

# Starts a server on a port that is free, and waits until it answers: serve NAME PATH COMMAND...; {} is the address.
serve() {
    local name=$1 path=$2 try port words
    shift 2
    for try in 1 2 3 4 5; do
        port=$((20000 + RANDOM % 20000))
        words=("${@//\{\}/127.0.0.1:$port}")
        "${words[@]}" >"$work/$name.log" 2>&1 &
        jobs+=($!)
        # It answers, or it has ended: then the port was taken.
        until curl -fsS -o /dev/null --max-time 5 "http://127.0.0.1:$port$path" 2>/dev/null; do
            kill -0 "${jobs[-1]}" 2>/dev/null || continue 2
            ((SECONDS < 120)) || { cat "$work/$name.log"; fail "$name does not answer (try $try)"; }
            sleep 0.1
        done
        address=127.0.0.1:$port
        return
    done
    cat "$work/$name.log"
    fail "$name does not start"
}

serve node_exporter / prometheus-node-exporter --web.listen-address={} --collector.disable-defaults --collector.textfile \
    --collector.textfile.directory="$textfiles" --collector.nvme --path.sysfs="$root/sys"
curl -fsS "http://$address/metrics" >"$work/scraped"
grep -q '^node_textfile_scrape_error 0$' "$work/scraped" || { cat "$work/node_exporter.log"; fail 'node_exporter cannot read it'; }
grep -qF 'nvme_registry_controller_info{controller="nvme4",entry="current",owner="a \"b\" \\c",subsystem="nqn.2026-01.example:4"} 1' \
    "$work/scraped" || fail 'a label is not what it was'

cat >"$work/prometheus.yml" <<YML
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [$here/examples/prometheus/nvme-registry.rules.yml]
scrape_configs:
  - job_name: node
    static_configs: [{targets: ['$address']}]
YML
serve prometheus /-/ready prometheus --web.listen-address={} --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/tsdb"

# What an expression is, without the instance, whose port is a random one.
ask() {
    promtool query instant "http://$address" "$1" >"$work/answer" 2>&1 || { cat "$work/answer"; fail "not a query: $1"; }
    sed -E 's/ => ([0-9.]+) @.*/ \1/; s/(, )?instance="[^"]*"//; s/(, )?job="node"//; s/\{, /{/' "$work/answer" | sort
}
# Scrapes and rules are done once a second.
until [[ $(ask 'count(nvme_registry:path_down)') == '{} 2' ]]; do
    ((SECONDS < 180)) || { cat "$work/prometheus.log"; fail 'Prometheus has no sample'; }
    sleep 0.1
done

checks=0
answers() { # EXPRESSION ANSWER
    checks=$((checks + 1))
    local got
    got=$(ask "$1")
    [[ $got == "$2" ]] || fail "$(printf '%s\n  wanted: %s\n  got:    %s' "$1" "$2" "$got")"
}
# The join with the path states: the path of nvme1 that is down is boot's, and / is on it.
answers 'nvme_registry:path_down > 0' \
    'nvme_registry:path_down{controller="nvme1", owner="boot", state="live", subsystem="nvme-subsys1", transport="tcp"} 1'
# The same with a metric that this node_exporter makes itself of sysfs.
# shellcheck disable=SC2016 # $1 is Prometheus'
answers 'sum by (controller, owner, state) (nvme_registry_controller_info{entry="current",owner="boot"} * on (instance, controller)
    group_left (state) label_replace(node_nvme_info, "controller", "$1", "device", "(.+)"))' \
    '{controller="nvme1", owner="boot", state="live"} 1'
answers 'count by (controller) (nvme_registry_controller_info{owner=""} and on (controller) nvme_registry_in_use == 1)' \
    '{controller="nvme2"} 1'
answers 'count by (controller) (nvme_registry_controller_info{owner="?"})' '{controller="nvme3"} 1'
answers 'nvme_registry_unowned_in_use' 'nvme_registry_unowned_in_use{} 1'
answers 'nvme_registry_unreadable_owners' 'nvme_registry_unreadable_owners{} 1'
answers 'nvme_registry_stale_entries' 'nvme_registry_stale_entries{} 1'
answers 'count(ALERTS{alertname="NVMeInUseWithoutOwner",alertstate="pending"})' '{} 1'

# Every panel of the dashboard asks something that has an answer.
dashboard=$here/examples/prometheus/nvme-registry-dashboard.json
mapfile -t panels < <(jq -r '.panels[].targets[].expr' "$dashboard")
((${#panels[@]} == 7)) || fail "${#panels[@]} panels"
for panel in "${panels[@]}"; do
    checks=$((checks + 1))
    [[ $(ask "${panel//\$instance/.*}") == *' '[0-9]* ]] || fail "no answer: $panel"
done
printf 'node_exporter and Prometheus: %d queries are answered as they must be\n' "$checks"
