package scenario

import (
	"net/netip"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/test/namespace"
)

// SamplePair names the pair of config/samples.
var SamplePair = client.ObjectKey{Namespace: "default", Name: "edge"}

// Sample returns the setup of that pair on the test cluster, over IPv4.
func Sample(c client.WithWatch) Setup {
	return Setup{
		Client: c, Pair: SamplePair,
		LAN: netip.MustParseAddr("192.168.50.1"), WAN: netip.MustParseAddr("203.0.113.1"),
		ClientNamespace: namespace.Named("hapair-client"), ServerNamespace: namespace.Named("hapair-server"),
		Server: netip.MustParseAddrPort("203.0.113.9:7000"),
	}
}
