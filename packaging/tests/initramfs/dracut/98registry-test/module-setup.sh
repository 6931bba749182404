#!/bin/bash
# dracut, for the test only: plays scenario.sh in the initramfs.

# called by dracut
check() { return 0; }

# called by dracut
depends() { echo nvme-registry; }

# called by dracut
installkernel() { instmods nvmet nvme-loop nvmet-tcp nvme-tcp nvme-fabrics; }

# called by dracut
install() {
    inst_multiple nvme mkdir ln cat mount ip
    inst_multiple /etc/nvme/hostnqn /etc/nvme/hostid
    # shellcheck disable=SC2154
    inst_simple "$moddir/scenario.sh" /usr/bin/registry-scenario
    # The root must be there before it is waited for.
    inst_hook pre-trigger 50 "$moddir/root.sh"
    inst_hook pre-mount 50 "$moddir/early.sh"
    inst_hook pre-pivot 99 "$moddir/late.sh"
}
