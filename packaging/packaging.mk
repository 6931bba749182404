# Packages, initramfs, manual and completions; included by the Makefile, which has the variables and `build`.
#
# Also usable alone (make -f packaging/packaging.mk TARGET), which the package recipes do for install-extras.

PREFIX ?= /usr
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/nvme-registry
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
# Debian's zsh looks in vendor-completions.
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions
FISHCOMPDIR ?= $(PREFIX)/share/fish/vendor_completions.d
SYSTEMDUNITDIR ?= $(PREFIX)/lib/systemd/system
DRACUTDIR ?= $(PREFIX)/lib/dracut/modules.d/55nvme-registry
INITRAMFSTOOLSDIR ?= $(PREFIX)/share/initramfs-tools/hooks
MKINITCPIODIR ?= $(PREFIX)/lib/initcpio/install
PACKAGING_CACHE ?= $(CURDIR)/target/packaging

# SOURCE:MODE:DESTINATION of everything that is installed beside the binary, its link and its rule.
extras = \
  man/nvme-registry.8:0644:$(MANDIR)/man8/nvme-registry.8 \
  man/nvme-registry.5:0644:$(MANDIR)/man5/nvme-registry.5 \
  completions/nvme-registry.bash:0644:$(BASHCOMPDIR)/nvme-registry \
  completions/_nvme-registry:0644:$(ZSHCOMPDIR)/_nvme-registry \
  completions/nvme-registry.fish:0644:$(FISHCOMPDIR)/nvme-registry.fish \
  systemd/nvme-registry-sweep.service:0644:$(SYSTEMDUNITDIR)/nvme-registry-sweep.service \
  dracut/55nvme-registry/module-setup.sh:0755:$(DRACUTDIR)/module-setup.sh \
  initramfs-tools/hooks/nvme-registry:0755:$(INITRAMFSTOOLSDIR)/nvme-registry \
  mkinitcpio/install/nvme-registry:0644:$(MKINITCPIODIR)/nvme-registry \
  udev/71-nvme-registry-export.rules:0644:$(DOCDIR)/71-nvme-registry-export.rules
destinations = $(foreach extra,$(extras),$(lastword $(subst :, ,$(extra))))

.PHONY: install-extras uninstall-extras packaging-tools man-check completion-test packaging-lint deb rpm package-test \
  initramfs-test

install-extras: ## install manual, completions, unit and initramfs hooks below DESTDIR and PREFIX
	@set -eu; for extra in $(extras); do \
	  to=$${extra##*:}; rest=$${extra%:*}; \
	  install -D -m "$${rest##*:}" "packaging/$${rest%:*}" "$(DESTDIR)$$to"; \
	done

uninstall-extras: ## remove what install-extras installed
	@set -eu; for file in $(destinations); do rm -f "$(DESTDIR)$$file"; done
	@rmdir "$(DESTDIR)$(DRACUTDIR)" "$(DESTDIR)$(DOCDIR)" 2>/dev/null || true

packaging-tools:
	@packaging/tests/host-packages.sh

man-check: packaging-tools ## the manual pages through mandoc's lint
	@packaging/tests/man.sh

completion-test: build packaging-tools ## the completions in bash, zsh and fish
	@packaging/tests/completion.sh "$(BIN)"

packaging-lint: packaging-tools ## shell scripts of the packages, and the recipes that are only parsed
	@packaging/tests/lint.sh

deb: packaging-tools ## build the Debian package, with lintian
	@packaging/tests/deb.sh "$(PACKAGING_CACHE)"

rpm: packaging-tools ## build the RPM package
	@packaging/tests/rpm.sh "$(PACKAGING_CACHE)"

package-test: deb rpm ## install both packages into a fresh Debian each, run, remove: nothing may be left
	@packaging/tests/package.sh "$(PACKAGING_CACHE)"

initramfs-test: deb ## boot initramfs images of dracut and initramfs-tools in QEMU, through switch_root
	@packaging/tests/initramfs.sh "$(PACKAGING_CACHE)"
