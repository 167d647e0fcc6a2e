package vpn

import (
	"fmt"
	"slices"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/xfrm"
	"github.com/hapair-io/hapair/internal/vpn/tunnels"
)

// spreadTime bounds how long tunnels wait for new keys after a takeover if they can use their old ones.
const spreadTime = time.Minute

// spread plans when tunnels get new keys after a takeover. If the kernel encrypts packets, the sidecar has advanced the
// sequence numbers of the old keys. So most tunnels can wait, and their peers do not get all requests at once.
type spread struct {
	// urgent are the tunnels that cannot send with their old keys. The takeover gives new ones to them at once.
	urgent map[string]bool
	// due is when each of the others gets new keys, and old are the SPIs of their children.
	due map[string]time.Time
	old map[string]map[string]bool
}

// newSpread plans the new keys of tunnels. A tunnel is urgent if one of its SPIs to the peer is spent.
func newSpread(present sas, wanted []tunnels.Connection, spent map[string]bool, now time.Time) *spread {
	s := &spread{urgent: map[string]bool{}, due: map[string]time.Time{}, old: map[string]map[string]bool{}}
	var patient []string
	for _, c := range wanted {
		if slices.ContainsFunc(present.outbound(c.Name), func(spi string) bool { return spent[spi] }) {
			s.urgent[c.Name] = true
		} else if children := present.children(c.Name); len(children) > 0 {
			patient, s.old[c.Name] = append(patient, c.Name), children
		}
	}
	for i, name := range patient {
		s.due[name] = now.Add(spreadTime * time.Duration(i+1) / time.Duration(len(patient)+1))
	}
	return s
}

// ofTakeover returns the tunnels to which the takeover gives new keys at once. Without a plan, these are all.
func (s *spread) ofTakeover(wanted []tunnels.Connection) []tunnels.Connection {
	if s == nil {
		return wanted
	}
	return slices.DeleteFunc(slices.Clone(wanted), func(c tunnels.Connection) bool { return !s.urgent[c.Name] })
}

// listDue returns the tunnels whose time has come.
func (s *spread) listDue(now time.Time) (names []string) {
	if s == nil {
		return nil
	}
	for name, at := range s.due {
		if !now.Before(at) {
			names = append(names, name)
		}
	}
	return names
}

// isOld reports whether an IKE SA of a tunnel has children with old keys and none with new ones. Each device of a user
// has an IKE SA of its own, so that the new keys of one say nothing about the others.
func (s *spread) isOld(name string, present sas) bool {
	return slices.ContainsFunc(present, func(sa sa) bool {
		return sa.name == name && overlap(s.old[name], sas{sa}.children(name))
	})
}

// forget removes a tunnel from the plan.
func (s *spread) forget(name string) { delete(s.due, name) }

// spentSPIs returns the SPIs of SAs that can send no more packets, as charon writes them.
func spentSPIs(sas *xfrm.Table) (map[string]bool, error) {
	all, err := sas.List()
	if err != nil {
		return nil, err
	}
	spent := map[string]bool{}
	for _, sa := range all {
		if sa.IsSpent() {
			spent[fmt.Sprintf("%08x", sa.SPI)] = true
		}
	}
	return spent, nil
}
