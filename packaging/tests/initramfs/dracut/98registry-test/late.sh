#!/bin/sh
# systemd stops udevd on its way to the real root; here the same a moment earlier, so that the order is certain.
systemctl stop systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udevd.service
registry-scenario late
