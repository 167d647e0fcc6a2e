package survival

import (
	_ "embed" // for the document
	"fmt"
	"net/netip"
	"strings"

	"sigs.k8s.io/yaml"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
)

//go:embed firewall.yaml
var document string

// The addresses of the document. All hosts of the WAN are one.
var (
	lanVirtual = netip.MustParseAddr("192.168.50.1")
	wanVirtual = netip.MustParseAddr("203.0.113.1")
	client     = netip.MustParseAddr("192.168.50.10")
	server     = netip.MustParseAddr("203.0.113.9")
	// knocker may pass once it has knocked.
	knocker = netip.MustParseAddr("192.168.50.21")
	// updates is the address of a DNS name.
	updates = netip.MustParseAddr("203.0.113.31")
	// added and listed do not answer ARP. The document lists one of them.
	added  = netip.MustParseAddr("203.0.113.40")
	listed = netip.MustParseAddr("203.0.113.41")
	// learned stops to answer ARP.
	learned = netip.MustParseAddr("203.0.113.42")
	// published is the address of a host on the LAN, for which the units answer on the WAN.
	published = netip.MustParseAddr("203.0.113.43")
	// phone is the address from which a phone calls.
	phone = netip.MustParseAddr("192.168.50.22")
	// branch is a host behind a tunnel.
	branch = netip.MustParseAddr("10.77.0.1")
)

// greeting is the port of a server that closes each connection. Policies decide which hosts reach it.
const greeting = 8081

// greeter returns that port at an address.
func greeter(address netip.Addr) netip.AddrPort { return netip.AddrPortFrom(address, greeting) }

// Document returns the document of the firewall. It accepts control connections, and data connections only if
// replicated state allows them.
func (s Site) Document() (hapairv1alpha1.FirewallConfigurationSpec, error) {
	var spec hapairv1alpha1.FirewallConfigurationSpec
	mac, err := s.serverMAC()
	if err != nil {
		return spec, err
	}
	err = yaml.UnmarshalStrict([]byte(strings.ReplaceAll(document, "SERVER-MAC", mac)), &spec)
	if err != nil {
		return spec, fmt.Errorf("reading the document: %w", err)
	}
	return spec, nil
}
