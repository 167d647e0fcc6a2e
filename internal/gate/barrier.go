package gate

import (
	"net/netip"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// Kind is how a gate is implemented.
type Kind uint8

// The kinds, the stronger first.
const (
	// KindNone means that there is no gate.
	KindNone Kind = iota
	// KindBPF compares the clock with an absolute deadline.
	KindBPF
	// KindNFTables lets permits time out.
	KindNFTables
)

// String returns the name of the kind in conditions and logs.
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

// barrier stops traffic in the kernel. Its methods are safe for concurrent use.
type barrier interface {
	kind() Kind
	// install puts it on the interfaces and replaces what an earlier life left there. It keeps its deadline.
	install(links []rtnetlink.Link) error
	// installed returns an error when it is not on all of the interfaces.
	installed(links []rtnetlink.Link) error
	// setOwn replaces the addresses that stay reachable while it is closed.
	setOwn(addresses []netip.Addr) error
	// setDeadline moves the instant at which it closes; zero closes it. It must not wait for the kernel's lock on
	// interfaces.
	setDeadline(until time.Duration) error
	// checkOpen returns an error when the kernel has it closed.
	checkOpen() error
	// close releases what the process holds.
	close() error
}
