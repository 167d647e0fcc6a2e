package gate

import (
	"net/netip"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// Kind is what a gate is made of.
type Kind uint8

// The kinds, the stronger first.
const (
	// KindNone is no gate at all.
	KindNone Kind = iota
	// KindBPF compares the clock with an absolute deadline.
	KindBPF
	// KindNFTables lets permits time out.
	KindNFTables
)

func (k Kind) String() string {
	switch k {
	case KindBPF:
		return "BPF"
	case KindNFTables:
		return "NFTables"
	default:
		return "Unavailable"
	}
}

// barrier is what stops traffic in the kernel. Its methods may be called by several goroutines at once.
type barrier interface {
	kind() Kind
	// install puts it on the interfaces, in place of what an earlier life left there. It keeps its deadline.
	install(links []rtnetlink.Link) error
	// installed fails when it is not on all of the interfaces.
	installed(links []rtnetlink.Link) error
	// setOwn replaces the addresses that are reached while it is closed.
	setOwn(addresses []netip.Addr) error
	// setDeadline moves the instant at which it closes; zero closes it. It does nothing that waits for the kernel's lock
	// on interfaces.
	setDeadline(until time.Duration) error
	// checkOpen fails when the kernel has it closed.
	checkOpen() error
	// close gives back what the process holds.
	close() error
}
