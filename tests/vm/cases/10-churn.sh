#!/usr/bin/env bash
# Deleted and connected again at once, 200 times, each time with a new owner, udevd running freely behind: whatever the
# interleaving, no live entry is lost and no stale one is left (S1, L1).
. ./lib.sh

cycles=200
target loop churn
target tcp churn2
lost=0
transport=loop name=churn
journal_mark
for ((i = 1; i <= cycles; i++)); do
    # Every fourth over tcp, which takes longer to connect and so meets the handler at another place.
    if ((i % 4)); then transport=loop name=churn; else transport=tcp name=churn2; fi
    options "$transport" "$name"
    dev=$(nvme-registry connect --owner "owner$i" "${opts[@]}")
    # Now and then the handlers catch up before the look, most of the time they run across it.
    ((i % 20)) || settle
    if [[ ! -e $registry/$dev/owner || $(<"$registry/$dev/owner") != "owner$i" ]]; then
        lost=$((lost + 1))
        say "cycle $i: $dev has: $(entry "$dev")"
    fi
    take_down "$dev"
done
settle
equal "live entries lost in $cycles cycles" 0 "$lost"
equal "entries left" '' "$(leftovers)"
equal "controllers left" '' "$(ls /sys/class/nvme)"

# Each registration is in the journal; each entry either had its own removal or was replaced by the next.
story=$(journal_story)
equal "owners registered, as the journal has it" "$cycles" \
    "$(grep -cE '^nvme0 (connected|registered) owner[0-9]+ ' <<<"$story")"
matches "the last one's removal" "nvme0 removed owner$cycles " "$story"
say "what the handlers did: $(awk '{ print $2 }' <<<"$story" | sort | uniq -c | paste -sd,)"
