package testbed

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// strictRules accept new connections from the LAN, and otherwise only packets of connections that the router knows. So
// a connection survives a takeover only by its state. The translated port is random, so that no other rule leads to the
// same one.
const strictRules = `
table inet firewall {
	counter invalid { }
	counter unknown { }
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state invalid counter name invalid drop
		ct state established,related accept
		iifname "lan0" oifname "wan0" tcp flags & (fin|syn|rst|ack) == syn ct state new accept
		iifname "lan0" oifname "wan0" meta l4proto { udp, icmp, ipv6-icmp, sctp } ct state new accept
		counter name unknown
	}
}
table ip translation {
	chain postrouting {
		type nat hook postrouting priority srcnat;
		oifname "wan0" meta l4proto { tcp, udp } snat to 203.0.113.1:20000-60000 fully-random
		oifname "wan0" snat to 203.0.113.1
	}
}
`

// Firewall loads an nftables ruleset into the namespace.
func (n *Namespace) Firewall(t testing.TB, rules string) {
	t.Helper()
	command := exec.Command("nft", "-f", "-")
	command.Stdin = strings.NewReader(rules)
	if out, err := n.Command(command); err != nil {
		t.Fatalf("Loading a ruleset into %s: %v: %s", n.Name, err, out)
	}
}

// Dropped returns how many packets the router dropped as invalid, and as belonging to no connection.
func (n *Namespace) Dropped(t testing.TB) (invalid, unknown int) {
	t.Helper()
	var listing struct {
		Objects []struct {
			Counter *struct {
				Name    string `json:"name"`
				Packets int    `json:"packets"`
			} `json:"counter"`
		} `json:"nftables"`
	}
	if err := json.Unmarshal([]byte(n.Run(t, "nft --json list counters")), &listing); err != nil {
		t.Fatalf("Reading counters of %s: %v", n.Name, err)
	}
	for _, o := range listing.Objects {
		switch {
		case o.Counter == nil:
		case o.Counter.Name == "invalid":
			invalid = o.Counter.Packets
		case o.Counter.Name == "unknown":
			unknown = o.Counter.Packets
		}
	}
	return invalid, unknown
}

// KnownOnlyRules replace strictRules where no connection may begin.
const KnownOnlyRules = `
flush chain inet firewall forward
table inet firewall {
	chain forward {
		ct state invalid counter name invalid drop
		ct state established,related accept
		counter name unknown
	}
}
`
