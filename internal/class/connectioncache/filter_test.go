package connectioncache

import (
	"net/netip"
	"testing"

	"github.com/hapair-io/hapair/internal/class/connectioncache/options"
	"github.com/hapair-io/hapair/internal/class/own"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// ownAddresses returns the addresses of a unit whose interfaces have the given ones.
func ownAddresses(virtual, interfaces []netip.Addr) *own.Addresses {
	return own.New(own.Config{Virtual: virtual, Read: func() ([]netip.Addr, error) { return interfaces, nil }})
}

func TestFilterTakesConnectionsThatTheOtherUnitCanContinue(t *testing.T) {
	virtual := []netip.Addr{netip.MustParseAddr("192.168.50.1"), netip.MustParseAddr("203.0.113.1")}
	addresses := append([]netip.Addr{netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("192.168.50.2")}, virtual...)
	filter := newFilter(options.Options{
		Protocols:        []string{"TCP"},
		ExcludedNetworks: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")},
	}, ownAddresses(virtual, addresses))
	if err := filter.refresh(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		src, dst, snat string
		protocol       uint8
		want           bool
	}{
		"forwarded":                           {"192.168.50.10", "203.0.113.9", "", 6, true},
		"translated to a virtual address":     {"192.168.50.10", "203.0.113.9", "203.0.113.1", 6, true},
		"translated to an address of its own": {"192.168.50.10", "203.0.113.9", "10.0.0.7", 6, false},
		"to a virtual address":                {"192.168.50.10", "192.168.50.1", "", 6, true},
		"to an address of its own":            {"192.168.50.10", "192.168.50.2", "", 6, false},
		"from an address of its own":          {"10.0.0.7", "10.0.0.1", "", 6, false},
		"loopback":                            {"127.0.0.1", "127.0.0.1", "", 6, false},
		"link-local":                          {"fe80::1", "fe80::2", "", 6, false},
		"broadcast":                           {"192.168.50.10", "255.255.255.255", "", 6, false},
		"another protocol":                    {"192.168.50.10", "203.0.113.9", "", 17, false},
		"an excluded network":                 {"192.168.50.10", "198.51.100.77", "", 6, false},
		"from an excluded network":            {"198.51.100.77", "192.168.50.10", "", 6, false},
	} {
		f := conntrack.Flow{Orig: conntrack.Tuple{
			Protocol: c.protocol, Src: netip.MustParseAddr(c.src), Dst: netip.MustParseAddr(c.dst),
		}}
		f.Reply = f.Orig.Inverse()
		if c.snat != "" {
			f.Reply.Dst = netip.MustParseAddr(c.snat)
		}
		if got := filter.takes(&f); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}

func TestStateFilterAppliesToTCPOnly(t *testing.T) {
	filter := newFilter(options.Options{TCPStates: []string{"Established"}}, ownAddresses(nil, nil))
	in := func(state conntrack.TCPState) conntrack.Flow {
		f := example()
		f.TCP.State = state
		return f
	}
	udp, silent := in(conntrack.TCPSynSent), in(conntrack.TCPSynSent)
	udp.Orig.Protocol = conntrack.ProtocolUDP
	silent.Fields &^= conntrack.FieldTCPState
	for name, c := range map[string]struct {
		flow conntrack.Flow
		want bool
	}{
		"established":                  {in(conntrack.TCPEstablished), true},
		"being set up":                 {in(conntrack.TCPSynSent), false},
		"in a state of a newer kernel": {in(77), false},
		"of another protocol":          {udp, true},
		"without a state":              {silent, true},
	} {
		if got := filter.takesState(&c.flow); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}

func TestEmptyFilterTakesEveryProtocol(t *testing.T) {
	filter := newFilter(options.Options{}, ownAddresses(nil, nil))
	f := example()
	for _, protocol := range []uint8{1, 6, 17, 50, 132} {
		f.Orig.Protocol = protocol
		if !filter.takes(&f) {
			t.Errorf("protocol %d is excluded", protocol)
		}
	}
}
