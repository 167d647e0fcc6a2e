// Package seccomp limits the system calls of this process and of the programs that it starts.
package seccomp

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Offsets in the data that a filter reads (struct seccomp_data in linux/seccomp.h).
const (
	numberOffset       = 0
	architectureOffset = 4
)

// IgnoreCapset makes the system call capset do nothing and succeed, from now on, in this process and in all programs
// that it starts. They keep the capabilities that they have. A program that wants to give itself others believes that
// it has them. The filter cannot be removed.
func IgnoreCapset() error {
	architecture, err := auditArchitecture()
	if err != nil {
		return err
	}
	program, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: architectureOffset, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: architecture, SkipTrue: 3},
		bpf.LoadAbsolute{Off: numberOffset, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_CAPSET, SkipTrue: 1},
		bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO}, // with error 0, which is success
		bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW},
	})
	if err != nil {
		return fmt.Errorf("assembling the filter of system calls: %w", err)
	}
	filter := make([]unix.SockFilter, len(program))
	for i, p := range program {
		filter[i] = unix.SockFilter{Code: p.Op, Jt: p.Jt, Jf: p.Jf, K: p.K}
	}
	return install(filter)
}

// install installs a filter in all threads. A process without privileges may do so only after it has given up gaining
// any.
func install(filter []unix.SockFilter) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("forbidding new privileges: %w", err)
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	switch {
	case errno != 0:
		return fmt.Errorf("installing the filter of system calls: %w", errno)
	case thread != 0:
		return fmt.Errorf("installing the filter of system calls: thread %d has another one", thread)
	}
	return nil
}

// auditArchitecture returns the kernel's number for the architecture of this program (linux/audit.h).
func auditArchitecture() (uint32, error) {
	switch runtime.GOARCH {
	case "amd64":
		return unix.AUDIT_ARCH_X86_64, nil
	case "arm64":
		return unix.AUDIT_ARCH_AARCH64, nil
	default:
		return 0, fmt.Errorf("no filter of system calls for the architecture %s", runtime.GOARCH)
	}
}
