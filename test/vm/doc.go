// Package vm runs code in a virtual machine, so that a test has a kernel of its own. Tests need that for what the
// kernel shares among all network namespaces, and for a machine that stands still as a whole.
//
// A test binary is also what its guests run: Boot packs it as the first process of a machine, and Serve in TestMain
// runs the guest's program there. QEMU emulates the processor, so the machine that tests needs no virtualization.
//
// The host's side is machine.go, the guest's is guest.go. `make test-vm` gets QEMU and the kernel from Debian.
package vm
