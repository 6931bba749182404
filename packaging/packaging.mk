# Packages, initramfs, manual and completions; included by the Makefile, which has the variables and `build`. What is in
# this directory, and how it was tried: packaging/README.md.

PREFIX ?= /usr
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/nvme-registry
SCHEMADIR ?= $(PREFIX)/share/nvme-registry
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
# Debian's zsh looks in vendor-completions.
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions
FISHCOMPDIR ?= $(PREFIX)/share/fish/vendor_completions.d
# What only this program's own hooks and units use.
LIBDIR ?= $(PREFIX)/lib/nvme-registry
SYSTEMDUNITDIR ?= $(PREFIX)/lib/systemd/system
# Each of these programs looks in its own directory alone, so these are the host's, whatever PREFIX is.
DRACUTDIR ?= /usr/lib/dracut/modules.d/55nvme-registry
INITRAMFSTOOLSDIR ?= /usr/share/initramfs-tools
MKINITCPIODIR ?= /usr/lib/initcpio
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
  systemd/nvme-registry-metrics.service:0644:$(SYSTEMDUNITDIR)/nvme-registry-metrics.service \
  systemd/nvme-registry-metrics.timer:0644:$(SYSTEMDUNITDIR)/nvme-registry-metrics.timer \
  metrics/metrics-textfile:0755:$(LIBDIR)/metrics-textfile \
  schema/nvme-registry.schema.json:0644:$(SCHEMADIR)/nvme-registry.schema.json \
  boot-claim/boot-claim:0755:$(LIBDIR)/boot-claim \
  dracut/55nvme-registry/module-setup.sh:0755:$(DRACUTDIR)/module-setup.sh \
  dracut/55nvme-registry/boot-claim.sh:0755:$(DRACUTDIR)/boot-claim.sh \
  initramfs-tools/hooks/nvme-registry:0755:$(INITRAMFSTOOLSDIR)/hooks/nvme-registry \
  initramfs-tools/scripts/init-bottom/nvme-registry:0755:$(INITRAMFSTOOLSDIR)/scripts/init-bottom/nvme-registry \
  mkinitcpio/install/nvme-registry:0644:$(MKINITCPIODIR)/install/nvme-registry \
  mkinitcpio/hooks/nvme-registry:0644:$(MKINITCPIODIR)/hooks/nvme-registry \
  $(foreach example,$(patsubst packaging/%,%,$(examples)),$(example):0644:$(DOCDIR)/$(example)) \
  $(foreach doc,$(notdir $(wildcard packaging/doc/*.md)),doc/$(doc):0644:$(DOCDIR)/$(doc))
examples = $(sort $(filter-out %~,$(shell find packaging/examples -type f)))
destinations = $(foreach extra,$(extras),$(lastword $(subst :, ,$(extra))))

# The files name these two paths as a distribution has them, so that they can be used from the source tree as they are.
# What is installed names the paths that it is installed with.
at_install_time = sed -e 's|/usr/bin/nvme-registry|$(BINDIR)/nvme-registry|g' -e 's|/usr/lib/nvme-registry/|$(LIBDIR)/|g'

.PHONY: install-paths install-extras uninstall-extras packaging-tools packaging-check man-check completion-test metrics-test \
  packaging-lint generate install-test release-check release-test oldest-rust arch-test deny deny-advisories deb rpm package-test initramfs-test trial-test

# may_be VARIABLE: PATTERN...: the value is one of the places where the program that reads it looks, or make stops here.
may_be = case '$($(1))' in $(2)) ;; *) printf '%s\n' 'make install: $(1)=$($(1)): $(3)' >&2; exit 1 ;; esac
install-paths:
	@$(call may_be,UDEVDIR,/usr/lib/udev|/lib/udev,udev looks for the program that our rule names without a directory in /usr/lib/udev or /lib/udev alone)
	@$(call may_be,BINDIR,/*,not an absolute path; units$(comma) hooks and a link in UDEVDIR name the program by it)
	@$(call may_be,LIBDIR,/*,not an absolute path; units and hooks name the script boot-claim by it)
	@$(call may_be,SYSTEMDUNITDIR,/usr/lib/systemd/system|/lib/systemd/system|/usr/local/lib/systemd/system|/etc/systemd/system,systemd reads no units there; /etc/systemd/system or /usr/local/lib/systemd/system can be used)
	@$(call may_be,DRACUTDIR,/usr/lib/dracut/modules.d/[0-9][0-9]nvme-registry,dracut looks for its modules in /usr/lib/dracut/modules.d alone)
	@$(call may_be,INITRAMFSTOOLSDIR,/usr/share/initramfs-tools|/etc/initramfs-tools,initramfs-tools looks for hooks and scripts in /usr/share/initramfs-tools and /etc/initramfs-tools alone)
	@$(call may_be,MKINITCPIODIR,/usr/lib/initcpio|/etc/initcpio,mkinitcpio looks for hooks in /usr/lib/initcpio and /etc/initcpio alone)
comma := ,

install-extras: install-paths ## install manual, completions, units, examples and initramfs hooks below DESTDIR and PREFIX
	@set -eu; for extra in $(extras); do \
	  to="$(DESTDIR)$${extra##*:}"; rest=$${extra%:*}; \
	  install -D -m "$${rest##*:}" /dev/null "$$to"; \
	  $(at_install_time) "packaging/$${rest%:*}" >"$$to"; \
	done

uninstall-extras: ## remove what install-extras installed
	@set -eu; for file in $(destinations); do rm -f "$(DESTDIR)$$file"; done
	@rm -rf "$(DESTDIR)$(DOCDIR)/examples"
	@rmdir "$(DESTDIR)$(DRACUTDIR)" "$(DESTDIR)$(DOCDIR)" "$(DESTDIR)$(LIBDIR)" "$(DESTDIR)$(SCHEMADIR)" 2>/dev/null || true

# One after the other, also under make -j, and in one make: each package is built once. What fails soonest comes first.
packaging-check: ## everything about packaging: manual, recipes, completions, licences, packages, initramfs
	@$(MAKE) --no-print-directory -j1 man-check packaging-lint install-test completion-test metrics-test deny package-test initramfs-test

packaging-tools:
	@packaging/tests/host-packages.sh

man-check: packaging-tools ## the manual pages through mandoc's lint
	@packaging/tests/man.sh

completion-test: build packaging-tools ## the completions in bash, zsh and fish
	@packaging/tests/completion.sh "$(BIN)"

metrics-test: build ## the metrics through promtool, a real node_exporter and a real Prometheus
	@tests/needs.sh metrics promtool:prometheus prometheus-node-exporter:prometheus-node-exporter curl:curl jq:jq
	@packaging/tests/metrics.sh "$(BIN)"

packaging-lint: packaging-tools ## shell scripts of the packages, the recipes that are only parsed, the examples, what is generated
	@packaging/tests/lint.sh "$(PACKAGING_CACHE)"

generate: ## write what the packages say about the crates of Cargo.lock (Debian's copyright, Fedora's bundled crates)
	@packaging/tests/generated.sh write "$(PACKAGING_CACHE)"

# The words first: they fail in a second, the rest takes minutes. One after the other, as release-check looks at what was made.
release-check: ## version, changelog, the archive packed twice and built from, its sums, SBOM and recipes
	@packaging/generate/release-check.sh words
	@$(MAKE) --no-print-directory dist-test
	@CARGO="$(CARGO)" packaging/generate/release-check.sh "$(DIST)" "$(CARGO_TARGET_DIR)/dist"

# The version that Cargo.toml promises; rustup fetches it.
OLDEST_RUST = $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
oldest-rust: ## the program and the tests compile with the oldest Rust that Cargo.toml promises
	@rustup run $(OLDEST_RUST) rustc --version 2>/dev/null || rustup toolchain install --profile minimal --no-self-update $(OLDEST_RUST)
	@CARGO_TARGET_DIR="$(CARGO_TARGET_DIR)/oldest-rust" $(CARGO) +$(OLDEST_RUST) check --locked --all-targets

release-test: ## release-check in a copy that is ready, and in copies with one thing wrong
	@tests/needs.sh release-test cargo-cyclonedx:cargo=cargo-cyclonedx@0.5.9
	@MAKE="$(MAKE)" packaging/tests/release.sh

install-test: build ## install below other prefixes; every path that an installed file names is there
	@MAKE="$(MAKE)" packaging/tests/install.sh

# Debian has no package of cargo-deny.
deny: ## licences, sources and duplicates of all dependencies, against deny.toml
	@tests/needs.sh deny cargo-deny:cargo=cargo-deny@^0.20
	@$(CARGO) deny --locked check bans licenses sources

# Not in packaging-check: whether it passes depends on today's database, which it fetches from github.com. Fails without.
deny-advisories: ## all dependencies against the RustSec advisories (needs github.com)
	@tests/needs.sh deny cargo-deny:cargo=cargo-deny@^0.20
	@$(CARGO) deny --locked check advisories

# These two are run by people who want a package: they ask for no more than they use.
deb: ## build the Debian package
	@tests/needs.sh deb dpkg-buildpackage:dpkg-dev dh:debhelper fakeroot:fakeroot
	@packaging/tests/deb.sh "$(PACKAGING_CACHE)"

rpm: ## build the RPM package
	@tests/needs.sh rpm rpmbuild:rpm
	@packaging/tests/rpm.sh "$(PACKAGING_CACHE)"

arch-test: dist packaging-tools ## build the Arch package with makepkg, from what `make dist` made
	@packaging/tests/arch.sh "$(CARGO_TARGET_DIR)/dist" "$(PACKAGING_CACHE)"

package-test: packaging-tools deb rpm arch-test ## lint both packages, install them into a fresh Debian each, run, remove: nothing is left
	@packaging/tests/lintian.sh "$(PACKAGING_CACHE)"
	@packaging/tests/package.sh "$(PACKAGING_CACHE)"
	@packaging/tests/autopkgtest.sh "$(PACKAGING_CACHE)"

initramfs-test: packaging-tools deb ## boot initramfs images of dracut and initramfs-tools in QEMU, through switch_root; then trial-test
	@packaging/tests/initramfs.sh "$(PACKAGING_CACHE)"
	@packaging/tests/trial.sh "$(PACKAGING_CACHE)"

trial-test: packaging-tools deb ## install the Debian package in QEMU as the README says: doctor, the recipe, a mounted disk; prints the times
	@packaging/tests/trial.sh "$(PACKAGING_CACHE)"
