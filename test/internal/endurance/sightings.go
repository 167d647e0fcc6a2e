package endurance

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
)

// sightings are the addresses and ports from which a server sees a client. Behind source translation they stay the same
// as long as the translation does.
type sightings struct {
	mu   sync.Mutex
	seen []netip.AddrPort
}

// maxSightings bounds the memory: more than one is a failure already.
const maxSightings = 16

func (s *sightings) note(from netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	if !slices.Contains(s.seen, from) && len(s.seen) < maxSightings {
		s.seen = append(s.seen, from)
	}
}

// one says whether all was seen from the same place, and not at a port that somebody else had taken, if it is not zero.
func (s *sightings) one(taken uint16) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) != 1 {
		return fmt.Errorf("the server saw the client at %v, where it should be one place", s.seen)
	}
	if taken != 0 && s.seen[0].Port() == taken {
		return fmt.Errorf("the server saw the client at %s, though the port was taken: nothing shows that it was translated",
			s.seen[0])
	}
	return nil
}
