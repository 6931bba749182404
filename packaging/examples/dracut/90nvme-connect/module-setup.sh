#!/bin/bash
# Example for /usr/lib/dracut/modules.d/90nvme-connect: a dracut module that connects NVMe/TCP in the initramfs with nvme-cli,
# which writes no owner, and claims what it connected. Beside it: connect.sh, the hook.

# called by dracut
check() {
    require_binaries nvme nvme-registry || return 1
    # Only if add_dracutmodules+=" nvme-connect " asks for it.
    return 255
}

# called by dracut
depends() {
    echo network nvme-registry
    return 0
}

# called by dracut
install() {
    inst_multiple nvme nvme-registry
    inst_multiple -o /etc/nvme/hostnqn /etc/nvme/hostid
    # After the network is up. The script answers 0 whatever happens, because dracut looks for the root again and again.
    # shellcheck disable=SC2154 # dracut's
    inst_hook initqueue/online 90 "$moddir/connect.sh"
}

# called by dracut
installkernel() {
    instmods nvme-tcp nvme-fabrics
}
