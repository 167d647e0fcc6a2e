//go:build netns

package pair_test

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// naming looks up names for the hosts of the LAN. It knows some itself, and asks a server in the WAN for the others.
const naming = `
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones:
  - {name: lan, interfaces: [lan0]}
  - {name: wan, interfaces: [wan0]}
  policies:
  - {name: out, from: [lan], to: [wan], action: Accept}
  - {name: open, from: [lan, wan], to: [firewall], action: Accept}
  dns:
    listeners:
    - {interface: lan0, address: 192.168.50.1, clients: [192.168.50.0/24]}
    - {interface: lan0, address: "fd50::1", clients: ["fd50::/64"]}
    upstreams: [{address: 203.0.113.9, source: 203.0.113.1}]
    localDomains: [example.com]
    records:
    - {name: nas.example.com, addresses: [192.168.50.20]}
    - {name: files.example.com, alias: www.example.net}
  dhcp:
    networks:
    - interface: lan0
      subnet: 192.168.50.0/24
      address: 192.168.50.1
      ranges: [192.168.50.100-192.168.50.101]
      options: {dnsServers: [192.168.50.1], domain: example.com}
`

// namedPair is a pair with a DNS forwarder. The server in the WAN runs Debian's dnsmasq.
type namedPair struct {
	*pair.Pair
	t       *testing.T
	dnsmasq *testbed.Program
}

func newNamed(t *testing.T, options pair.Options) namedPair {
	t.Helper()
	options.Providers, options.Gate, options.Document = true, true, naming
	p := namedPair{Pair: pair.New(t, options), t: t}
	p.dnsmasq = p.Server.StartProgram(t, exec.Command("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null",
		"--pid-file=", "--user=root", "--no-resolv", "--no-hosts", "--log-queries", "--log-facility=-", "--bind-interfaces",
		"--local-ttl=60",
		"--listen-address="+testbed.ServerAddress, "--address=/example.net/192.0.2.1", "--local=/example.net/"))
	testbed.Eventually(t, "dnsmasq has started", func() bool {
		return strings.Contains(p.dnsmasq.Log.String(), "started")
	})
	return p
}

// dig asks for a name with dig, which sends one question, and returns the status and the answers.
func dig(t *testing.T, host *testbed.Namespace, question string) string {
	t.Helper()
	text, err := host.Try("dig +tries=1 +time=10 +noall +comments +answer " + question)
	if err != nil {
		return "no answer"
	}
	var parts []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch _, after, isHeader := strings.Cut(line, "status: "); {
		case isHeader:
			status, _, _ := strings.Cut(after, ",")
			parts = append(parts, status)
		case len(fields) > 0 && !strings.HasPrefix(line, ";"):
			parts = append(parts, fields[len(fields)-1])
		}
	}
	return strings.Join(parts, " ")
}

// answers checks that the client gets its answers from the virtual addresses, each with one question.
func (p namedPair) answers(when, laptop string) {
	p.t.Helper()
	for question, want := range map[string]string{
		"@192.168.50.1 www.example.net":           "NOERROR 192.0.2.1",
		"@192.168.50.1 +tcp www.example.net":      "NOERROR 192.0.2.1",
		"@fd50::1 www.example.net":                "NOERROR 192.0.2.1",
		"@192.168.50.1 nas.example.com":           "NOERROR 192.168.50.20",
		"@192.168.50.1 files.example.com":         "NOERROR www.example.net. 192.0.2.1",
		"@192.168.50.1 laptop.example.com":        "NOERROR " + laptop,
		"@192.168.50.1 laptop.example.com AAAA":   "NOERROR",
		"@192.168.50.1 -x " + laptop:              "NOERROR laptop.example.com.",
		"@192.168.50.1 nobody.example.com":        "NXDOMAIN",
		"@192.168.50.1 +norecurse x.example.net":  "REFUSED",
		"@192.168.50.1 +notcp example.net ANY":    "REFUSED",
		"@192.168.50.1 version.bind CH TXT":       "REFUSED",
		"@192.168.50.1 -x 192.168.50.77":          "NXDOMAIN",
		"@192.168.50.1 +noedns nas.example.com":   "NOERROR 192.168.50.20",
		"@192.168.50.1 +dnssec www.example.net":   "NOERROR 192.0.2.1",
		"@192.168.50.1 WWW.example.NET +nocookie": "NOERROR 192.0.2.1",
	} {
		if got := dig(p.t, p.Client, question); got != want {
			p.t.Errorf("%s, %s: %q, want %q", when, question, got, want)
		}
	}
}

// TestDNSSurvivesLossOfPower has a client that asks right after the active unit has lost its power, and after a
// switchover back. It gets every answer at the same address from one question. The name of another host's lease is
// known on both units. The standby is asked nothing.
func TestDNSSurvivesLossOfPower(t *testing.T) {
	bed := newNamed(t, pair.Options{})
	laptop := newDHCPHost(t, bed.Pair, "laptop").udhcpc("-x", "hostname:laptop")
	bed.answers("at first", laptop)
	if !strings.Contains(bed.dnsmasq.Log.String(), "from 203.0.113.1") {
		t.Errorf("dnsmasq was not asked from the virtual address:\n%s", &bed.dnsmasq.Log)
	}
	if got := bed.Standby.FirewallStatus().DNS; got != (contract.DNSCounts{}) {
		t.Errorf("the standby was asked: %+v", got)
	}
	bed.Failover()
	bed.answers("after the loss of power", laptop)
	bed.Return()
	bed.Switchover()
	// The firewall of a unit that has just started receives the leases a moment after the unit.
	testbed.Eventually(t, "the first unit knows the host again", func() bool {
		return dig(t, bed.Client, "@192.168.50.1 laptop.example.com") == "NOERROR "+laptop
	})
	bed.answers("after the switchover", laptop)
}

// TestNamesOfLeasesWithoutTheClass is the control: the new active does not know the host.
func TestNamesOfLeasesWithoutTheClass(t *testing.T) {
	bed := newNamed(t, pair.Options{WithoutProvided: true})
	newDHCPHost(t, bed.Pair, "laptop").udhcpc("-x", "hostname:laptop")
	bed.Failover()
	if got := dig(t, bed.Client, "@192.168.50.1 laptop.example.com"); got != "NXDOMAIN" {
		t.Errorf("the name is %q without its lease, so the other test proves nothing", got)
	}
}

// TestDNSAnswersItsClientsAlone has hosts that the document does not name, although a policy lets all of them reach the
// firewall. They get no answer.
func TestDNSAnswersItsClientsAlone(t *testing.T) {
	bed := newNamed(t, pair.Options{})
	ask := func(host *testbed.Namespace, from, to string, patience time.Duration) error {
		t.Helper()
		conn := host.DialUDP(t, from, to+":53")
		question := "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03nas\x07example\x03com\x00\x00\x01\x00\x01"
		if _, err := conn.Write([]byte(question)); err != nil {
			return err
		}
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		_, err := conn.Read(make([]byte, 512))
		return err
	}
	bed.Client.Link(t, "lan0").Address("192.168.77.5/24")
	bed.Primary.Run(t, "ip route replace 192.168.77.0/24 dev lan0")
	bed.Client.Run(t, "ping -c 1 -W 5 -I 192.168.77.5 192.168.50.1")
	bed.Server.Run(t, "ping -c 1 -W 5 203.0.113.1")
	if err := ask(bed.Client, testbed.ClientAddress+":0", "192.168.50.1", testbed.Timeout); err != nil {
		t.Fatalf("the client gets no answer: %v", err)
	}
	const patience = 300 * time.Millisecond // The answer to the client took less.
	if ask(bed.Client, "192.168.77.5:0", "192.168.50.1", patience) == nil {
		t.Error("another host of the LAN is answered")
	}
	if ask(bed.Server, testbed.ServerAddress+":0", "203.0.113.1", patience) == nil {
		t.Error("a host of the WAN is answered")
	}
}
