package endurance

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
)

// clientAddresses are the addresses and ports from which a server sees a client. Behind source NAT there is one, as
// long as the translation stays.
type clientAddresses struct {
	mu   sync.Mutex
	seen []netip.AddrPort
}

// maxAddresses bounds the memory. A second address is a failure already.
const maxAddresses = 16

func (s *clientAddresses) add(from netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	if !slices.Contains(s.seen, from) && len(s.seen) < maxAddresses {
		s.seen = append(s.seen, from)
	}
}

// checkSame returns an error unless the server saw one address, with another port than the rival's. Zero means that
// there is no rival.
func (s *clientAddresses) checkSame(rivalPort uint16) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) != 1 {
		return fmt.Errorf("the server saw the client at %v, want one address", s.seen)
	}
	if rivalPort != 0 && s.seen[0].Port() == rivalPort {
		return fmt.Errorf("the server saw the client at %s, which is the rival's port: the address was not translated",
			s.seen[0])
	}
	return nil
}
