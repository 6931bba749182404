#!/bin/bash
# dracut: the NVMe-oF ownership registry in the initramfs. What is connected there can be registered there, and what
# dies there is removed there; /run moves to the real root, and the entries with it. What the root is on becomes boot's
# right before the root is switched.

# called by dracut
check() {
    # Without the program dracut leaves this module out, and makes its image without it.
    # shellcheck disable=SC2154 # dracut's
    [[ -x ${dracutsysrootdir-}/usr/bin/nvme-registry && -x ${dracutsysrootdir-}/usr/lib/nvme-registry/boot-claim ]] || return 1

    # A host-only image has it where this host has fabrics controllers, or a table of the firmware that names some.
    # Elsewhere add_dracutmodules+=" nvme-registry " asks for it.
    # shellcheck disable=SC2154 # dracut's
    if [[ $hostonly ]]; then
        local transport
        for transport in /sys/class/nvme/nvme*/transport; do
            [[ -r $transport ]] || continue
            case $(< "$transport") in
            pcie | apple-nvme) ;;
            *) return 0 ;;
            esac
        done
        [[ -e /sys/firmware/acpi/tables/NBFT ]] && return 0
        return 255
    fi
    return 0
}

# called by dracut
depends() {
    echo udev-rules
    return 0
}

# called by dracut
install() {
    inst_binary /usr/bin/nvme-registry
    # Brings the program that the rule runs by its bare name, udev's link to it.
    inst_rules 70-nvme-registry.rules
    inst_script /usr/lib/nvme-registry/boot-claim
    inst_multiple mkdir
    # As late as can be: the root and what was mounted for it is in use by then.
    # shellcheck disable=SC2154 # dracut's
    inst_hook pre-pivot 95 "$moddir/boot-claim.sh"

    # libnvme's own rule stays masked in the initramfs where the administrator masked it.
    # shellcheck disable=SC2154 # dracut's
    if [[ $(readlink "${dracutsysrootdir-}/etc/udev/rules.d/70-nvmf-registry.rules") == /dev/null ]]; then
        mkdir -p "$initdir/etc/udev/rules.d"
        ln -sfn /dev/null "$initdir/etc/udev/rules.d/70-nvmf-registry.rules"
    fi
}
