package socketfilter

import (
	"encoding/binary"
	"fmt"
	"syscall"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Filter lists what a socket accepts. Its zero value accepts everything.
type Filter struct {
	// Interfaces are the indexes of the interfaces by which packets may arrive. An empty list is every interface.
	Interfaces []int
	// Contents are values of which a datagram must have one. An empty list is any content.
	Contents []Content
}

// Content is a value at a place of a datagram's payload.
type Content struct {
	Offset uint32
	Value  [8]byte
}

// udpHeader is the length of the header that a filter of a UDP socket sees before the payload.
const udpHeader = 8

const (
	accept = 1<<32 - 1
	// maxAlternatives bounds the interfaces, and the contents, so that every jump of the program is short.
	maxAlternatives = 16
)

// Control sets the filter of a socket before it is bound. It is for net.ListenConfig and net.Dialer.
func (f Filter) Control(_, _ string, socket syscall.RawConn) error { return f.Attach(socket) }

// Attach sets the filter of a socket, in place of its filter before. A listener's filter applies to the connections
// that it accepts.
func (f Filter) Attach(socket syscall.RawConn) error {
	program, err := f.program()
	if err != nil {
		return fmt.Errorf("making a filter for a socket: %w", err)
	}
	controlErr := socket.Control(func(fd uintptr) { err = AttachProgram(int(fd), program) })
	if controlErr != nil {
		return controlErr
	}
	return err
}

// AttachProgram sets the filter of a socket to a program, in place of its filter before.
func AttachProgram(socket int, program []bpf.Instruction) error {
	assembled, err := bpf.Assemble(program)
	if err != nil {
		return fmt.Errorf("assembling the filter of a socket: %w", err)
	}
	instructions := make([]unix.SockFilter, len(assembled))
	for i, r := range assembled {
		instructions[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	err = unix.SetsockoptSockFprog(socket, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(instructions)), Filter: &instructions[0]})
	if err != nil {
		return fmt.Errorf("setting the filter of a socket: %w", err)
	}
	return nil
}

// program accepts a packet that passes both lists.
func (f Filter) program() ([]bpf.Instruction, error) {
	if len(f.Interfaces) > maxAlternatives || len(f.Contents) > maxAlternatives {
		return nil, fmt.Errorf("%d interfaces and %d contents are too many", len(f.Interfaces), len(f.Contents))
	}
	var program []bpf.Instruction
	if len(f.Interfaces) > 0 {
		program = append(program, bpf.LoadExtension{Num: bpf.ExtInterfaceIndex})
		for i, index := range f.Interfaces {
			// The jump skips the remaining comparisons and the return behind them.
			program = append(program, bpf.JumpIf{Val: uint32(index), SkipTrue: uint8(len(f.Interfaces) - i)})
		}
		program = append(program, bpf.RetConstant{})
	}
	for _, c := range f.Contents {
		high, low := binary.BigEndian.Uint32(c.Value[:4]), binary.BigEndian.Uint32(c.Value[4:])
		// A load behind the end of the packet drops it.
		program = append(program,
			bpf.LoadAbsolute{Off: udpHeader + c.Offset, Size: 4}, bpf.JumpIf{Val: high, SkipFalse: 3},
			bpf.LoadAbsolute{Off: udpHeader + c.Offset + 4, Size: 4}, bpf.JumpIf{Val: low, SkipFalse: 1},
			bpf.RetConstant{Val: accept})
	}
	if len(f.Contents) == 0 {
		program = append(program, bpf.RetConstant{Val: accept})
	} else {
		program = append(program, bpf.RetConstant{})
	}
	return program, nil
}
