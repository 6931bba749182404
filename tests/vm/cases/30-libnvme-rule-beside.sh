#!/usr/bin/env bash
# libnvme's rule is installed beside ours, and entries are written as libnvme writes them. Controllers are disconnected
# and connected again at once, 100 times, and udevd is never paused. No live entry may be lost, because the `remove` line
# of our rule assigns with `RUN:=`, and libnvme's rule sorts after it.
. ./lib.sh

cycles=100
rules=/run/udev/rules.d
ran=$case_dir/shell-ran
target loop beside

# Connects, writes the entry, disconnects, $cycles times. Sets $lost: how often a live controller had no entry with its
# own owner, and $shells: how often the shell of libnvme's rule was started.
churn() {
    local i
    lost=0
    : >"$ran"
    for ((i = 1; i <= cycles; i++)); do
        connect_stranger loop beside >/dev/null
        libnvme_entry "$dev" "owner$i"
        # At some of the looks the handlers have caught up; at most of them they are still running.
        ((i % 4)) || settle
        if [[ ! -e $registry/$dev/owner || $(<"$registry/$dev/owner") != "owner$i" ]]; then
            lost=$((lost + 1))
            say "cycle $i: $dev has: $(entry "$dev")"
        fi
        take_down "$dev"
    done
    settle
    shells=$(wc -l <"$ran")
}

mkdir -p "$rules"
# The shell says that it ran before it judges, so that the case sees libnvme's rule even where the rule does no harm.
libnvme_rule "echo %k >>$ran" >"$rules/70-nvmf-registry.rules"
udevadm control --reload
journal_mark
churn
equal "both rules: live entries lost in $cycles cycles" 0 "$lost"
equal "both rules: runs of libnvme's rule" 0 "$shells"
equal "both rules: entries left" '' "$(leftovers)"
matches "both rules: ours removed the last entry" "nvme0 removed owner$cycles " "$(journal_story)"

# `RUN:=` is for removals only: when a controller is added, programs of rules before and after ours run, and so does ours.
for number in 60 80; do
    echo "ACTION==\"add\", SUBSYSTEM==\"nvme\", RUN+=\"/bin/sh -c 'echo %k >>$case_dir/added'\"" >"$rules/$number-test.rules"
done
udevadm control --reload
settle
count_execs
connect_stranger loop beside
settle
equal "add: programs of rules before and after ours" $'nvme0\nnvme0' "$(cat "$case_dir/added")"
equal "add: our program" 1 "$(execs)"
take_down "$dev"
settle
rm "$rules"/*-test.rules

# Without our rule the shell runs for each removal. What that does to a live entry is shown by case 13.
ln -s /dev/null "$rules/70-nvme-registry.rules"
udevadm control --reload
churn
say "libnvme's rule alone: $lost of $cycles live entries lost"
equal "libnvme's rule alone: runs of it" "$cycles" "$shells"
