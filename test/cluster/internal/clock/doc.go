// Package clock steps the wall clock that single processes see, while they run.
//
// The kernel has no namespace for the wall clock, unlike for the monotonic clocks. A process reads the time with a
// function that the kernel maps into every process (vdso(7)). This package overwrites that function in the processes
// that must see another time. Go programs read the time only there. CLOCK_MONOTONIC and CLOCK_BOOTTIME stay unchanged,
// as on a real machine whose clock is stepped.
//
// A program that starts later sees the machine's time. So do programs that make the system call themselves, or call
// time(2) or gettimeofday(2). The nodes' programs do not. Package cluster is the only caller.
package clock
