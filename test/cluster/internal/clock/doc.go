// Package clock steps the wall clock that single processes see, while they run.
//
// The wall clock of a machine is one: the kernel has no namespace for it, unlike for the clocks that count from the
// start. So the function by which a process asks for the time, which the kernel maps into every process (vdso(7)), is
// overwritten in those that are to see another time. A process of Go asks nowhere else. CLOCK_MONOTONIC and
// CLOCK_BOOTTIME go on as they were, which is just what happens when the clock of a real machine is stepped.
//
// A program that is started later sees the machine's clock. So do programs that make the system call themselves, or
// call time(2) or gettimeofday(2); the nodes' programs do not.
package clock
