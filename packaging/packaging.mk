# Packages, initramfs, manual and completions; included by the Makefile, which has the variables and `build`. What is in
# this directory, and how it was tried: packaging/README.md.

PREFIX ?= /usr
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/nvme-registry
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
# Debian's zsh looks in vendor-completions.
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions
FISHCOMPDIR ?= $(PREFIX)/share/fish/vendor_completions.d
SYSTEMDUNITDIR ?= $(PREFIX)/lib/systemd/system
DRACUTDIR ?= $(PREFIX)/lib/dracut/modules.d/55nvme-registry
INITRAMFSTOOLSDIR ?= $(PREFIX)/share/initramfs-tools
MKINITCPIODIR ?= $(PREFIX)/lib/initcpio
# The initramfs hooks and the unit name this place.
LIBDIR ?= $(PREFIX)/lib/nvme-registry
PACKAGING_CACHE ?= $(CURDIR)/target/packaging

# SOURCE:MODE:DESTINATION of everything that is installed beside the binary, its link and its rule.
extras = \
  man/nvme-registry.8:0644:$(MANDIR)/man8/nvme-registry.8 \
  man/nvme-registry.5:0644:$(MANDIR)/man5/nvme-registry.5 \
  completions/nvme-registry.bash:0644:$(BASHCOMPDIR)/nvme-registry \
  completions/_nvme-registry:0644:$(ZSHCOMPDIR)/_nvme-registry \
  completions/nvme-registry.fish:0644:$(FISHCOMPDIR)/nvme-registry.fish \
  systemd/nvme-registry-sweep.service:0644:$(SYSTEMDUNITDIR)/nvme-registry-sweep.service \
  systemd/nvme-registry-boot-claim.service:0644:$(SYSTEMDUNITDIR)/nvme-registry-boot-claim.service \
  systemd/examples/nvme-data.service:0644:$(DOCDIR)/nvme-data.service \
  systemd/nvme-registry-metrics.service:0644:$(SYSTEMDUNITDIR)/nvme-registry-metrics.service \
  systemd/nvme-registry-metrics.timer:0644:$(SYSTEMDUNITDIR)/nvme-registry-metrics.timer \
  metrics/metrics-textfile:0755:$(LIBDIR)/metrics-textfile \
  boot-claim/boot-claim:0755:$(LIBDIR)/boot-claim \
  dracut/55nvme-registry/module-setup.sh:0755:$(DRACUTDIR)/module-setup.sh \
  dracut/55nvme-registry/boot-claim.sh:0755:$(DRACUTDIR)/boot-claim.sh \
  initramfs-tools/hooks/nvme-registry:0755:$(INITRAMFSTOOLSDIR)/hooks/nvme-registry \
  initramfs-tools/scripts/init-bottom/nvme-registry:0755:$(INITRAMFSTOOLSDIR)/scripts/init-bottom/nvme-registry \
  mkinitcpio/install/nvme-registry:0644:$(MKINITCPIODIR)/install/nvme-registry \
  mkinitcpio/hooks/nvme-registry:0644:$(MKINITCPIODIR)/hooks/nvme-registry \
  udev/71-nvme-registry-export.rules:0644:$(DOCDIR)/71-nvme-registry-export.rules
destinations = $(foreach extra,$(extras),$(lastword $(subst :, ,$(extra))))

.PHONY: install-extras uninstall-extras packaging-tools packaging-check man-check completion-test metrics-test packaging-lint deny \
  deny-advisories deb rpm package-test initramfs-test

install-extras: ## install manual, completions, unit and initramfs hooks below DESTDIR and PREFIX
	@set -eu; for extra in $(extras); do \
	  to=$${extra##*:}; rest=$${extra%:*}; \
	  install -D -m "$${rest##*:}" "packaging/$${rest%:*}" "$(DESTDIR)$$to"; \
	done

uninstall-extras: ## remove what install-extras installed
	@set -eu; for file in $(destinations); do rm -f "$(DESTDIR)$$file"; done
	@rmdir "$(DESTDIR)$(DRACUTDIR)" "$(DESTDIR)$(DOCDIR)" "$(DESTDIR)$(LIBDIR)" 2>/dev/null || true

# One after the other, also under make -j, and in one make: each package is built once. What fails soonest comes first.
packaging-check: ## everything about packaging: manual, recipes, completions, licences, packages, initramfs
	@$(MAKE) --no-print-directory -j1 man-check packaging-lint completion-test metrics-test deny package-test initramfs-test

packaging-tools:
	@packaging/tests/host-packages.sh

man-check: packaging-tools ## the manual pages through mandoc's lint
	@packaging/tests/man.sh

completion-test: build packaging-tools ## the completions in bash, zsh and fish
	@packaging/tests/completion.sh "$(BIN)"

metrics-test: build ## the metrics through promtool, a real node_exporter and a real Prometheus
	@tests/needs.sh metrics promtool:prometheus prometheus-node-exporter:prometheus-node-exporter curl:curl jq:jq
	@packaging/tests/metrics.sh "$(BIN)"

packaging-lint: packaging-tools ## shell scripts of the packages, and the recipes that are only parsed
	@packaging/tests/lint.sh

# Debian has no package of cargo-deny. Built for debugging, not with its release profile (one unit, optimized as a whole):
# it runs for two seconds here. CARGO_TARGET_DIR is this project's.
cargo_deny = command -v cargo-deny >/dev/null || env -u CARGO_TARGET_DIR $(CARGO) install --locked --debug --version '^0.20' cargo-deny

deny: ## licences, sources and duplicates of all dependencies, against deny.toml
	@$(cargo_deny)
	@$(CARGO) deny --locked check bans licenses sources

# Not in packaging-check: whether it passes depends on today's database, which it fetches from github.com. Fails without.
deny-advisories: ## all dependencies against the RustSec advisories (needs github.com)
	@$(cargo_deny)
	@$(CARGO) deny --locked check advisories

# These two are run by people who want a package: they ask for no more than they use.
deb: ## build the Debian package, with lintian
	@tests/needs.sh deb dpkg-buildpackage:dpkg-dev dh:debhelper fakeroot:fakeroot lintian:lintian
	@packaging/tests/deb.sh "$(PACKAGING_CACHE)"

rpm: ## build the RPM package
	@tests/needs.sh rpm rpmbuild:rpm
	@packaging/tests/rpm.sh "$(PACKAGING_CACHE)"

package-test: packaging-tools deb rpm ## install both packages into a fresh Debian each, run, remove: nothing may be left
	@packaging/tests/package.sh "$(PACKAGING_CACHE)"

initramfs-test: packaging-tools deb ## boot initramfs images of dracut and initramfs-tools in QEMU, through switch_root
	@packaging/tests/initramfs.sh "$(PACKAGING_CACHE)"
