#!/usr/bin/env bash
# What Debian's nvme-cli does to swap space, for the table of case 14. The last case: a swap area whose disk was taken
# away cannot be swapped off, and stays as long as the guest.
. ./disks.sh

fresh_disk loop swap plain
swap
run nvme disconnect -d "$dev"
equal "nvme disconnect: the swap space goes" no "$(there "$dev")"
guard_row 'swap space' 'disconnected' 'disconnected' 'left alone; the user is named; exit code 1'
