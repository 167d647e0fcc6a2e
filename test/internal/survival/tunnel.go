package survival

import (
	"context"
	"fmt"
	"net/netip"
	"regexp"

	"github.com/hapair-io/hapair/test/internal/endurance"
	"github.com/hapair-io/hapair/test/testbed/strongswan"
)

// VPNSecret is what the Secret of the pair's VPN must have: the key of the tunnel in the document.
var VPNSecret = map[string]string{"branch": tunnelKey}

const (
	tunnelKey = "a key of the branch that no one else knows"
	// tunnelPort is that of a server of the branch.
	tunnelPort = 7400
)

// gateway is what the administrator of the branch writes.
const gateway = `
connections {
  edge {
    version = 2
    local_addrs = 203.0.113.9
    remote_addrs = 203.0.113.1
    dpd_delay = 30s
    local {
      auth = psk
    }
    remote {
      auth = psk
    }
    children {
      hosts {
        local_ts = 10.77.0.0/24
        remote_ts = 192.168.50.0/24
      }
    }
  }
}
secrets {
  ike-edge {
    secret = "` + tunnelKey + `"
  }
}
`

// Tunnel has a TCP connection through a tunnel to a branch, whose gateway is Debian's strongSwan.
type Tunnel struct {
	Site Site

	started
	daemon     strongswan.Daemon
	connection *endurance.CountingConnection
	// spis name the IKE SA that the gateway had before the role moved.
	spis string
}

// Serve implements Sessions. The gateway waits for the pair to set the tunnel up.
func (t *Tunnel) Serve(ctx context.Context) error {
	directory, err := t.directory("tunnel")
	if err != nil {
		return err
	}
	if err := t.address(t.Site.WAN, branch); err != nil {
		return err
	}
	if t.daemon, err = strongswan.Prepare(directory, gateway, nil); err != nil {
		return err
	}
	if err := t.start(t.Site.WAN, t.daemon.Command()); err != nil {
		return err
	}
	err = eventually(ctx, "the gateway of the branch", func(context.Context) error { return t.swanctl("--load-all") })
	if err != nil {
		return err
	}
	_, err = command(t.Site.WAN, "ip route replace 192.168.50.0/24 dev ipsec0 src "+branch.String())
	return err // The route goes with the interface, which the daemon made.
}

func (t *Tunnel) swanctl(args ...string) error {
	out, err := t.daemon.Swanctl(args...)
	if err != nil {
		return fmt.Errorf("swanctl %v of the branch: %w: %s", args, err, out)
	}
	return nil
}

// Prepare implements Sessions.
func (t *Tunnel) Prepare(ctx context.Context) error {
	if t.connection != nil {
		return nil
	}
	return eventually(ctx, "a connection through the tunnel", func(context.Context) (err error) {
		t.connection, err = t.count(ctx, t.Site, netip.AddrPortFrom(branch, tunnelPort)) // It lasts longer than the wait.
		return err
	})
}

// Announce implements Sessions.
func (t *Tunnel) Announce(context.Context) (err error) {
	t.spis, err = t.association()
	return err
}

// established matches the line of an IKE SA.
var established = regexp.MustCompile(`ESTABLISHED, IKEv2, ([0-9a-f]{16})_i\*? ([0-9a-f]{16})_r`)

// association returns the SPIs of the newest IKE SA that the gateway has.
func (t *Tunnel) association() (string, error) {
	out, err := t.daemon.Swanctl("--list-sas")
	if err != nil {
		return "", fmt.Errorf("listing the tunnels of the branch: %w: %s", err, out)
	}
	spis := established.FindStringSubmatch(out)
	if spis == nil {
		return "", fmt.Errorf("the branch has no tunnel: %q", out)
	}
	return spis[1] + " " + spis[2], nil
}

// Check implements Sessions. TCP outlives even a tunnel that is set up again.
func (t *Tunnel) Check(ctx context.Context) []Proof {
	t.connection.Reset()
	goesOn := t.connection.Check(ctx).Err
	kept, err := t.association()
	if err == nil && kept != t.spis {
		err = fmt.Errorf("the branch had the IKE SA %s, and has %s", t.spis, kept)
	}
	return []Proof{
		{What: "tunnel of a branch, without a new one", NeedsClass: true, Err: err},
		{What: "TCP through the tunnel", Err: goesOn},
		{What: "rekeying of the packets' keys by the branch", Err: t.swanctl("--rekey", "--child", "hosts")},
		{What: "rekeying of the tunnel by the branch", Err: t.swanctl("--rekey", "--ike", "edge")},
		{What: "TCP through the tunnel, rekeyed", Err: t.connection.Check(ctx).Err},
	}
}
