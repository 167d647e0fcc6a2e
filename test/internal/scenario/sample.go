package scenario

import (
	"net/netip"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/test/namespace"
)

// SamplePair names the pair of config/samples.
var SamplePair = client.ObjectKey{Namespace: "default", Name: "edge"}

// Sample returns the setup of that pair on the test cluster, over IPv4. The client is behind an inner router of the
// site, and the server behind the router of the provider.
func Sample(c client.WithWatch) Setup {
	setup := Segments(c)
	setup.ClientNamespace, setup.ServerNamespace = namespace.Named("hapair-client"), namespace.Named("hapair-server")
	setup.Server = netip.MustParseAddrPort("192.0.2.9:7000")
	return setup
}

// Segments returns the same setup with traffic between the two routers, which are hosts on the pair's own segments. A
// pair needs no routes for it.
func Segments(c client.WithWatch) Setup {
	router, isp := namespace.Named("hapair-router"), namespace.Named("hapair-isp")
	return Setup{
		Client: c, Pair: SamplePair,
		LAN: netip.MustParseAddr("192.168.50.1"), WAN: netip.MustParseAddr("203.0.113.1"),
		LANNamespace: router, WANNamespace: isp, ClientNamespace: router, ServerNamespace: isp,
		Server: netip.MustParseAddrPort("203.0.113.9:7000"),
	}
}
