# The tests on a real kernel, in a virtual machine; included by the Makefile. See tests/vm/run.sh.
# Rounds of the race of `mount` against `disconnect` in case 17; 1000 take ten minutes under emulation.
VM_ROUNDS ?= 1000
.PHONY: vm-test vm-shell

# The empty programs of the bench, for case 40.
vm-test: floor ## Run the cases on a real kernel and systemd-udevd in QEMU; CASE=NAME or CASE=NUMBER runs one, CASE="14 16" two; VM_ROUNDS=1000
	+@VM_ROUNDS='$(VM_ROUNDS)' FLOOR='$(dir $(FLOOR))' tests/vm/run.sh test '$(CASE)'

vm-shell: ## A root prompt in that guest, with the product installed
	+@tests/vm/run.sh shell
