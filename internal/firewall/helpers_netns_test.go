//go:build netns

package firewall_test

import (
	"fmt"
	"net"
	"testing"

	"github.com/onsi/gomega"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// withHelpers accepts FTP on its port and on another one, refuses a third, and leaves a fourth without a helper. Calls
// have a helper by UDP alone. A policy without services accepts what remains.
const withHelpers = head + `
  services:
  - {name: ftp, protocol: TCP, ports: [21]}
  - {name: ftp-elsewhere, protocol: TCP, ports: [2121], helper: FTP}
  - {name: data, protocol: TCP, ports: [2122], helper: None}
  - {name: phones, protocol: UDP, ports: [5060], helper: SIP}
  policies:
  - {name: others, from: [lan], to: [wan], services: [data], action: Accept}
  - {name: ftp, from: [lan], to: [wan], services: [ftp], action: Accept}
  - {name: lan-to-wan, from: [lan], to: [wan], action: Accept}
  destinationNAT:
  - {name: published, from: lan, destination: 203.0.113.77, service: data, toAddress: 203.0.113.9, toPort: 21}
`

// TestHelpersAreAttachedByPolicies checks what the kernel has of each connection: its helper and its label.
func TestHelpersAreAttachedByPolicies(t *testing.T) {
	b := newBed(t)
	b.reachLAN()
	b.apply(withHelpers)
	for _, port := range []string{"21", "2121", "2122", "80"} {
		b.echo(b.server, ":"+port)
	}
	for _, c := range []struct {
		address, helper string
		label           contract.Label
	}{
		{serverAddress + ":21", "ftp", contract.LabelFTP},
		{"[" + serverAddress6 + "]:21", "ftp", contract.LabelFTP},
		{serverAddress + ":2121", "ftp", contract.LabelFTP},
		{serverAddress + ":2122", "", 0},
		{serverAddress + ":80", "", 0},
		// A policy sees the translated port.
		{"203.0.113.77:2122", "ftp", contract.LabelFTP},
	} {
		b.mustReach(b.client, c.address)
		b.expectHelper("tcp", c.address, c.helper, c.label)
	}
	conn := b.client.DialUDP(t, "", serverAddress+":5060")
	if _, err := conn.Write([]byte("not a call")); err != nil {
		t.Fatal(err)
	}
	b.expectHelper("udp", serverAddress+":5060", "sip", contract.LabelVoIP)
}

// expectHelper waits for the connection to an address, and checks its helper and its label.
func (b *bed) expectHelper(network, address, helper string, label contract.Label) {
	b.Helper()
	to, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	var labels [conntrack.LabelsSize]byte
	if label != 0 {
		labels = label.Bits()
	}
	want := fmt.Sprintf("helper %q, labels %v", helper, labels)
	b.eventually(func() (found string) {
		err := b.firewall.Do(func() error {
			return conntrack.Dump(b.Context(), func(f conntrack.Flow) error {
				if f.Orig.Dst.String() == to.IP.String() && int(f.Orig.DstPort) == to.Port &&
					(f.Orig.Protocol == 6) == (network == "tcp") {
					found = fmt.Sprintf("helper %q, labels %v", f.Helper, f.Labels)
				}
				return nil
			})
		})
		if err != nil {
			b.Fatal(err)
		}
		return found
	}, gomega.Equal(want))
}
