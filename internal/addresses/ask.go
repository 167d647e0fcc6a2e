package addresses

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/hapair-io/hapair/internal/addresses/frame"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// Ask asks a segment who has addresses, and returns the MAC addresses that answer for each within a time. It reads a
// bounded number of answers. The questions have no sender address, and so claim nothing.
func Ask(
	wire Wire, link rtnetlink.Link, wanted []netip.Addr, wait time.Duration, limit int,
) (map[netip.Addr][]rtnetlink.MAC, error) {
	tap, err := wire.Tap(link, wanted)
	if err != nil {
		return nil, err
	}
	closed := make(chan error, 1)
	time.AfterFunc(wait, func() { closed <- tap.Close() }) // It ends Read.
	prefixes := make([]netip.Prefix, len(wanted))
	for i, a := range wanted {
		prefixes[i] = netip.PrefixFrom(a, a.BitLen())
	}
	sent := wire.Send(link, questions(link.MAC, prefixes))
	answers := map[netip.Addr][]rtnetlink.MAC{}
	buffer := make([]byte, frame.MaxClaim)
	for range limit {
		n, err := tap.Read(buffer)
		if err != nil {
			break // The time is over, or the interface is gone.
		}
		claim, ok := frame.ParseClaim(buffer[:n])
		if mac := rtnetlink.MAC(claim.MAC); ok && mac != link.MAC && !slices.Contains(answers[claim.Address], mac) {
			answers[claim.Address] = append(answers[claim.Address], mac)
		}
	}
	return answers, errors.Join(sent, <-closed)
}
