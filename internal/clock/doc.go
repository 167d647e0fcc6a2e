// Package clock is the time of a unit. It is the boot clock, plus the time for which the machine was stopped together
// with its boot clock.
//
// A hypervisor that stops a virtual machine can stop its boot clock too. QEMU does so with kvm-clock, in
// hw/i386/kvm/clock.c, and with the virtual counter of arm64. The deadline of a permit then moves into the future by as
// long as the machine stood still, while the peer has taken over. The processor's time stamp counter continues
// meanwhile, and shows that.
//
// Stops compares the two clocks and decides; it does no I/O. Clock reads them. Package sidecar and package gate take
// their time from a Clock. The kernel compares a deadline with the boot clock itself, so package gate translates it by
// Ahead.
package clock
