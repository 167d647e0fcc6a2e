package connections

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// example returns a TCP connection of a LAN host that is translated, to port 443 of a server.
func example() conntrack.Flow {
	orig := conntrack.Tuple{
		Src: netip.MustParseAddr("192.168.50.10"), Dst: netip.MustParseAddr("198.51.100.9"),
		Protocol: conntrack.ProtocolTCP, SrcPort: 40000, DstPort: 443,
	}
	reply := orig.Inverse()
	reply.Dst = netip.MustParseAddr("203.0.113.1")
	return conntrack.Flow{Orig: orig, Reply: reply}
}

func TestFilterSelects(t *testing.T) {
	for _, c := range []struct {
		flags flags
		want  bool
	}{
		{flags{source: "192.168.50.10"}, true},
		{flags{source: "192.168.50.0/24"}, true},
		{flags{source: "192.168.50.1-192.168.50.10"}, true},
		{flags{source: "192.168.50.11"}, false},
		{flags{source: "203.0.113.1"}, true},
		{flags{source: "198.51.100.9"}, false},
		{flags{source: "::/0"}, false},
		{flags{destination: "198.51.100.9"}, true},
		{flags{destination: "192.168.50.10"}, false},
		{flags{protocol: "TCP"}, true},
		{flags{protocol: "6"}, true},
		{flags{protocol: "udp"}, false},
		{flags{port: "443"}, true},
		{flags{port: "400-500"}, true},
		{flags{port: "40000"}, false},
		{flags{source: "192.168.50.10", port: "80"}, false},
		{flags{all: true}, true},
	} {
		f, err := c.flags.parse()
		if err != nil {
			t.Errorf("%+v: %v", c.flags, err)
			continue
		}
		flow := example()
		if got := f.selects(&flow); got != c.want {
			t.Errorf("%+v selects: %t", c.flags, got)
		}
		f.own = []netip.Addr{flow.Orig.Dst}
		if f.selects(&flow) {
			t.Errorf("%+v selects a connection of the unit itself", c.flags)
		}
	}
}

func TestWrongFiltersAreRefused(t *testing.T) {
	for _, c := range []struct {
		flags flags
		want  string
	}{
		{flags{}, "nothing selects connections; set --source"},
		{flags{all: true, port: "80"}, "--all selects every connection; leave it out"},
		{flags{source: "client"}, `--source: "client" is not an IP address`},
		{flags{destination: "192.0.2.1/24"}, "--destination: "},
		{flags{protocol: "http"}, `--protocol: "http" is neither`},
		{flags{protocol: "256"}, `--protocol: "256" is neither`},
		{flags{port: "0"}, `--port: "0" is neither a port`},
	} {
		if _, err := c.flags.parse(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.flags, err, c.want)
		}
	}
}
