#!/usr/bin/env bash
# What both check scripts share: checks that print a line each.
checks=0 failures=0
export SYSTEMD_COLORS=0 SYSTEMD_PAGER=

equal() { # WHAT WANTED GOT
    checks=$((checks + 1))
    if [[ $2 == "$3" ]]; then
        printf 'ok: %s\n' "$1"
    else
        failures=$((failures + 1))
        printf 'FAILED: %s\n    wanted: %q\n    got:    %q\n' "$1" "$2" "$3"
    fi
}
matches() { # WHAT REGEX TEXT
    checks=$((checks + 1))
    if [[ $3 =~ $2 ]]; then
        printf 'ok: %s\n' "$1"
    else
        failures=$((failures + 1))
        printf 'FAILED: %s\n    wanted a match of: %s\n    in: %q\n' "$1" "$2" "$3"
    fi
}
