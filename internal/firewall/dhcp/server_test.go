package dhcp

import (
	"errors"
	"testing"

	"github.com/go-logr/logr/testr"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// A person looks for the cause of a fault in the field that it names.
func TestFaultsNameTheFieldsOfTheirInterfaces(t *testing.T) {
	s := New(testr.New(t))
	s.faults.After = 0
	s.networks = []document.DHCPNetwork{{Interface: "lan"}, {Interface: "office"}}
	s.informed = []document.DHCPv6Network{{Interface: "lan"}, {Interface: "guests"}}
	for device, want := range map[string]string{
		"lan":    "spec.dhcp and spec.dhcpv6: interface lan: it is gone",
		"office": "spec.dhcp: interface office: it is gone",
		"guests": "spec.dhcpv6: interface guests: it is gone",
	} {
		for range 2 { // The first time, it may be over at once.
			s.observe(device, errors.New("it is gone"))
		}
		if got := s.Fault(); got != want {
			t.Errorf("the fault is %q, want %q", got, want)
		}
		s.observe(device, nil)
	}
}
