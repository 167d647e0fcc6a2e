package neighbours

import (
	"net/netip"
	"testing"

	"github.com/hapair-io/hapair/internal/class/own"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

func FuzzParse(f *testing.F) {
	for _, address := range []string{"192.0.2.1", "2001:db8::1"} {
		k := key{device: "lan0", address: netip.MustParseAddr(address)}
		v := value{mac: rtnetlink.MAC{2, 0, 0, 0, 0, 1}, state: noARP, flags: rtnetlink.Router, protocol: 4}
		f.Add(k.encode(), v.encode())
	}
	f.Add("", []byte{})
	f.Fuzz(func(t *testing.T, text string, record []byte) {
		if k, err := parseKey(text); err == nil && k.encode() != text {
			t.Errorf("key %x became %x", text, k.encode())
		}
		if v, err := parseValue(record); err == nil && string(v.encode()) != string(record) {
			t.Errorf("record %x became %x", record, v.encode())
		}
	})
}

func TestWhichEntriesAreReplicated(t *testing.T) {
	link := rtnetlink.Link{Name: "lan0", MAC: rtnetlink.MAC{2, 0, 0, 0, 0, 9}}
	peer := own.New(own.Config{})
	peer.SetPeer([]netip.Addr{netip.MustParseAddr("192.0.2.3")})
	host := rtnetlink.Neighbour{
		Address: netip.MustParseAddr("192.0.2.7"), MAC: rtnetlink.MAC{2, 0, 0, 0, 0, 7}, State: rtnetlink.Permanent,
	}
	change := func(f func(*rtnetlink.Neighbour)) rtnetlink.Neighbour { n := host; f(&n); return n }
	withState := func(s rtnetlink.NeighbourState) rtnetlink.Neighbour {
		return change(func(n *rtnetlink.Neighbour) { n.State = s })
	}
	at := func(address string, s rtnetlink.NeighbourState) rtnetlink.Neighbour {
		return change(func(n *rtnetlink.Neighbour) { n.Address, n.State = netip.MustParseAddr(address), s })
	}
	for name, c := range map[string]struct {
		n              rtnetlink.Neighbour
		fixed, dynamic bool
	}{
		"permanent":           {host, true, false},
		"NOARP":               {withState(rtnetlink.NoARP), true, false},
		"reachable":           {withState(rtnetlink.Reachable), false, true},
		"stale":               {withState(rtnetlink.Stale), false, true},
		"probed":              {withState(rtnetlink.Probe), false, true},
		"failed":              {withState(rtnetlink.Failed), false, false},
		"not yet resolved":    {withState(rtnetlink.Incomplete), false, false},
		"the peer, permanent": {at("192.0.2.3", rtnetlink.Permanent), true, false},
		"the peer, learned":   {at("192.0.2.3", rtnetlink.Reachable), false, false},
		"a group, NOARP":      {at("224.0.0.22", rtnetlink.NoARP), false, false},
		"link-local, learned": {at("fe80::7", rtnetlink.Reachable), false, false},
		"of the firewall":     {change(func(n *rtnetlink.Neighbour) { n.Protocol = contract.RoutingProtocol }), false, false},
		"a broadcast MAC":     {change(func(n *rtnetlink.Neighbour) { n.MAC[0] = 0xff }), false, false},
		"the interface's MAC": {change(func(n *rtnetlink.Neighbour) { n.MAC = link.MAC }), false, false},
		"learned by a program": {change(func(n *rtnetlink.Neighbour) {
			n.State, n.Flags = rtnetlink.Stale, rtnetlink.ExternalLearned
		}), false, false},
	} {
		if _, got := (fixed{}).valueOf(c.n, link); got != c.fixed {
			t.Errorf("%s: class ARP has it: %t", name, got)
		}
		if _, got := (dynamic{own: peer}).valueOf(c.n, link); got != c.dynamic {
			t.Errorf("%s: class DynamicARP has it: %t", name, got)
		}
	}
}
