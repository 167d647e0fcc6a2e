//go:build netns

package pair_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// informing tells hosts of the LAN servers by DHCPv6. Advertisements send them there.
const informing = unadvertised + `
  routerAdvertisements:
    networks:
    - {interface: lan0, address: "fe80::1", intervalSeconds: 1800, prefixes: [{prefix: "fd50::/64"}]}
  dhcpv6:
    networks:
    - interface: lan0
      address: fe80::1
      dnsServers: ["fd50::1", "2001:db8::53"]
      searchDomains: [example.com]
      ntpServers: ["fd50::123"]
`

// learnServers writes to a file what dhclient was told.
const learnServers = `#!/bin/sh
[ -z "$new_dhcp6_name_servers" ] && exit 0
echo "$new_dhcp6_name_servers $new_dhcp6_domain_search $new_dhcp6_sntp_servers $new_dhcp6_server_id" >> %s
`

// informedHost is a host that asks for servers with dhclient, and takes no address from it.
type informedHost struct {
	*testbed.Namespace
	t         *testing.T
	directory string
	asked     int
}

func newInformedHost(t *testing.T, bed *pair.Pair) *informedHost {
	t.Helper()
	h := &informedHost{Namespace: bed.AddHost(t, "phone"), t: t, directory: t.TempDir()}
	h.Link(t, "lan0").Down()
	h.Set(t, "net.ipv6.conf.lan0.accept_dad", "0") // It asks from its link-local address.
	h.Link(t, "lan0").Up()
	testbed.Eventually(t, "the host has its link-local address", func() bool {
		text := h.Run(t, "ip -6 address show dev lan0 scope link")
		return strings.Contains(text, "inet6 fe80:") && !strings.Contains(text, "tentative")
	})
	for name, text := range map[string]string{
		"script": fmt.Sprintf(learnServers, h.file("events")),
		"config": "request dhcp6.name-servers, dhcp6.domain-search, dhcp6.sntp-servers, dhcp6.info-refresh-time;\n",
	} {
		if err := os.WriteFile(h.file(name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func (h *informedHost) file(name string) string { return filepath.Join(h.directory, name) }

// learn asks with dhclient, and returns what the host is told.
func (h *informedHost) learn() string {
	h.t.Helper()
	client := h.StartProgram(h.t, exec.Command("dhclient", "-6", "-S", "-d", "-1", "-cf", h.file("config"),
		"-sf", h.file("script"), "-lf", h.file("leases"), "-pf", h.file("pid"), "lan0"))
	defer client.Kill()
	h.asked++
	var lines []string
	testbed.Eventually(h.t, "the host learns of servers", func() bool {
		text, err := os.ReadFile(h.file("events"))
		lines = strings.Split(strings.TrimSpace(string(text)), "\n")
		return err == nil && len(lines) >= h.asked
	})
	return lines[h.asked-1]
}

// TestDHCPv6SurvivesLossOfPower has a host that learns servers from the active unit, and from the new one after a loss
// of power. It is told the same by the same server. The advertisements send it there.
func TestDHCPv6SurvivesLossOfPower(t *testing.T) {
	bed := pair.New(t, pair.Options{Providers: true, Gate: true, LinkLocal: true, Document: informing})
	host := newInformedHost(t, bed)
	first := host.learn()
	if !strings.HasPrefix(first, "fd50::1 2001:db8::53 example.com. fd50::123 ") {
		t.Fatalf("the host is told %q", first)
	}
	if text := host.Run(t, "rdisc6 --single --retry 3 --wait 3000 lan0"); !strings.Contains(text,
		"Stateful other conf.      :          Yes") {
		t.Errorf("the advertisement does not send hosts to DHCPv6:\n%s", text)
	}
	bed.Failover()
	if got := host.learn(); got != first {
		t.Errorf("after the loss of power, the host is told %q, and %q before", got, first)
	}
}
