//go:build netns

package rtnetlink

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/testbed"
)

// A neighbour whose first answer is lost is asked again soon. Another interface keeps the kernel's default.
func TestLostQuestionForANeighbourIsRepeatedSoon(t *testing.T) {
	for family, test := range map[string]struct{ own, other, lose string }{
		"IPv4": {"198.51.100.1/24", "198.51.100.2", "table arp loss { chain in { type filter hook input priority 0; " +
			"drop; }; }"},
		"IPv6": {"2001:db8::1/64", "2001:db8::2", "table ip6 loss { chain in { type filter hook input priority 0; " +
			"icmpv6 type nd-neighbor-solicit drop; }; }"},
	} {
		t.Run(family, func(t *testing.T) {
			c := isolate(t)
			neighbour := testbed.NewNamespace(t, "neighbour")
			testbed.Wire(t, testbed.Own(), "port", neighbour, "far")
			bits := test.own[strings.IndexByte(test.own, '/'):]
			neighbour.Link(t, "far").Address(test.other + bits)
			testbed.Own().Link(t, "port").Address(test.own)
			link, err := c.Link("port")
			if err != nil {
				t.Fatal(err)
			}
			if err := c.SetResolution(link.Index, Resolution{Interval: 100 * time.Millisecond, Requests: 20}); err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"retrans 100 ", "ucast_probes 20 ", "mcast_probes 20 "} {
				if got := ip(t, "ntable show dev port"); strings.Count(got, want) != 2 {
					t.Errorf("%q is not set for both families: %s", want, got)
				}
				if got := ip(t, "ntable show dev lo"); strings.Contains(got, want) {
					t.Errorf("%q is set for another interface: %s", want, got)
				}
			}
			time.Sleep(2 * time.Second) // for the duplicate address detection of the neighbour
			ip(t, "neighbour flush dev port")
			neighbour.Firewall(t, "add "+test.lose)
			ping := exec.Command("ping", "-n", "-c", "1", "-W", "3", test.other)
			began := time.Now()
			if err := ping.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond)
			neighbour.Firewall(t, "flush ruleset")
			if err := ping.Wait(); err != nil {
				t.Fatalf("ping: %v", err)
			}
			if took := time.Since(began); took > 500*time.Millisecond {
				t.Errorf("the neighbour was resolved after %s", took)
			}
		})
	}
}
