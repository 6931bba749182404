#!/bin/sh
# systemd stops udevd on its way to the real root; here the same a moment earlier, so that the order is certain.
case $(cat /proc/cmdline) in
*registry-test=root*) ;;
*) systemctl stop systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udevd.service ;;
esac
registry-scenario late
