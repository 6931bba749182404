#!/usr/bin/env bash
# `connect` where the kernel says no: words and exit codes, an existing entry left as it was, and no secret in any
# output or anywhere in the journal. DH-HMAC-CHAP is done for real, with a right and with a wrong key.
. ./lib.sh

key() { nvme gen-dhchap-key --nqn "$(</etc/nvme/hostnqn)" --hmac=1 | tail -n 1; }
secret=$(key)
wrong=$(key)
ctrl_secret=$(key)
[[ $secret == DHHC-1:* && $wrong == DHHC-1:* && $secret != "$wrong" ]]
# What each of them looks like in the middle: a part would be a leak, too.
secrets=("${secret:10:20}" "${wrong:10:20}" "${ctrl_secret:10:20}")
no_secret() { # WHAT TEXT
    local part
    for part in "${secrets[@]}"; do absent "$1: no secret" "$part" "$2"; done
}

journal_mark

# Nobody listens at the address.
expect 3 nvme-registry connect --owner stas transport=tcp traddr=127.0.0.1 trsvcid=4421 nqn="${nqn_prefix}none"
matches "refused: in words" 'refused' "$err"
equal "refused: prints no device" '' "$out"

# The port is there, the subsystem is not.
target tcp here
expect 3 nvme-registry connect --owner stas transport=tcp traddr=127.0.0.1 trsvcid=4420 nqn="${nqn_prefix}none"
equal "no such subsystem: prints no device" '' "$out"
matches "no such subsystem: says something" '.' "$err"

# No such transport on this host.
expect 3 nvme-registry connect --owner stas transport=rdma traddr=127.0.0.1 nqn="${nqn_prefix}here"
matches "no such transport: in words" 'rdma' "$err"

# An option the kernel has not got, and what is refused before the kernel is asked.
expect 2 nvme-registry connect --owner stas transport=tcp traddr=127.0.0.1 nqn="${nqn_prefix}here" no_such_option=1
expect 3 nvme-registry connect --owner stas transport=tcp traddr=127.0.0.1 nqn="${nqn_prefix}here" no_such_option=1 --force-option
expect 2 nvme-registry connect --owner stas transport=tcp traddr=127.0.0.1 nqn="${nqn_prefix}here,host_iface=lo"
expect 2 nvme-registry connect --owner 'two
lines' transport=tcp traddr=127.0.0.1 nqn="${nqn_prefix}here"
equal "nothing is connected" '' "$(ls /sys/class/nvme)"
equal "nothing is registered" '' "$(leftovers)"

# Already connected: the entry stays exactly as it was.
connect_owned tcp here stas
expect 0 nvme-registry update nvme0 -a note -V mine
before=$(stat -c %i "$registry/nvme0"; grep -r . "$registry/nvme0")
options tcp here
expect 1 nvme-registry connect --owner nbft "${opts[@]}"
matches "already connected: in words" 'already' "$err"
equal "already connected: the entry is as it was" "$before" "$(stat -c %i "$registry/nvme0"; grep -r . "$registry/nvme0")"
take_down nvme0

# A secret for a target that asks for none, for one that refuses, and one that is no secret at all. Secrets are in files
# or in the environment; on the command line they are refused.
secret_file() { # NAME SECRET
    printf '%s\n' "$2" >"$case_dir/$1"
}
secret_file secret "$secret"
secret_file wrong "$wrong"
secret_file ctrl "$ctrl_secret"
options tcp here
expect 2 nvme-registry connect --owner stas "${opts[@]}" dhchap_secret="$secret"
no_secret "on the command line" "$out$err"
expect 0 nvme-registry connect --owner stas "${opts[@]}" dhchap_secret=@"$case_dir/secret"
no_secret "given, not needed" "$out$err"
expect 0 nvme-registry status
no_secret "status" "$out$err"
take_down nvme0
expect 3 nvme-registry connect --owner stas transport=tcp traddr=127.0.0.1 trsvcid=4421 nqn="${nqn_prefix}here" \
    dhchap_secret=@"$case_dir/secret" dhchap_ctrl_secret=@"$case_dir/ctrl"
no_secret "given, refused" "$out$err"
# Refused before the kernel sees it: the kernel would write it to its log.
options tcp here
secret_file bad "x${secret:1}"
expect 2 nvme-registry connect --owner stas "${opts[@]}" dhchap_secret=@"$case_dir/bad"
no_secret "no secret in form" "$out$err"
secret_file bad "$secret,x"
expect 2 nvme-registry connect --owner stas "${opts[@]}" dhchap_secret=@"$case_dir/bad"
no_secret "with a comma" "$out$err"

# A target that authenticates the host.
host=$nvmet/hosts/$(</etc/nvme/hostnqn)
mkdir "$host"
echo "$secret" >"$host/dhchap_key"
echo 0 >"$nvmet/subsystems/${nqn_prefix}here/attr_allow_any_host"
ln -s "$host" "$nvmet/subsystems/${nqn_prefix}here/allowed_hosts/"
expect 0 env NVME_REGISTRY_DHCHAP_SECRET="$secret" nvme-registry connect --owner stas "${opts[@]}"
no_secret "the right key" "$out$err"
equal "the right key: registered" 'owner=stas' "$(entry nvme0)"
take_down nvme0
settle
expect 3 nvme-registry connect --owner stas "${opts[@]}" dhchap_secret=@"$case_dir/wrong"
no_secret "the wrong key" "$out$err"
expect 3 nvme-registry connect --owner stas "${opts[@]}"
matches "no key: in words" 'key|secret|authenticat' "$err"
settle
equal "nothing is left" '' "$(leftovers)"

journalctl --sync
no_secret "the whole journal" "$(journalctl -q --no-pager -o export --after-cursor="$journal_cursor")"
