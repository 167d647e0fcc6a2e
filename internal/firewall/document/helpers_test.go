package document_test

import (
	"testing"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// FTP is the one helper that a service has without asking: that of exactly its port.
func TestActiveHelper(t *testing.T) {
	ports := func(first, last uint16) []document.PortRange { return []document.PortRange{{First: first, Last: last}} }
	for _, c := range []struct {
		service document.Service
		want    document.Helper
	}{
		{document.Service{Protocol: document.TCP, Ports: ports(21, 21)}, document.HelperFTP},
		{document.Service{Protocol: document.TCP, Ports: ports(21, 21), Helper: document.HelperNone}, document.HelperNone},
		{document.Service{Protocol: document.TCP, Ports: ports(20, 21)}, document.HelperNone},
		{document.Service{Protocol: document.TCP, Ports: append(ports(21, 21), ports(80, 80)...)}, document.HelperNone},
		{document.Service{Protocol: document.TCP}, document.HelperNone},
		{document.Service{Protocol: document.UDP, Ports: ports(21, 21)}, document.HelperNone},
		{document.Service{Protocol: document.UDP, Ports: ports(5060, 5060)}, document.HelperNone},
		{document.Service{Protocol: document.UDP, Ports: ports(5060, 5060), Helper: "SIP"}, document.HelperSIP},
		{document.Service{Protocol: document.TCP, Ports: ports(20, 30), Helper: "FTP"}, document.HelperFTP},
	} {
		if got := c.service.ActiveHelper(); got != c.want {
			t.Errorf("%+v has helper %s, want %s", c.service, got, c.want)
		}
	}
}
