package survival

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/hapair-io/hapair/test/internal/endurance"
)

// visitors are the addresses that the server gives to hosts on the WAN.
const visitors = "203.0.113.200,203.0.113.220,255.255.255.0,1h"

// Relay has a DHCP relay on the active unit. It passes requests of hosts on the WAN to a server on the LAN. Both are
// dnsmasq. The relay's connection with the server must never be on the other unit.
type Relay struct {
	Site Site

	started
	relay started
	// on is the unit on which the relay runs.
	on    endurance.Namespace
	hosts int
}

// Serve implements Sessions.
func (r *Relay) Serve(context.Context) error {
	return r.runDHCP(&r.started, r.Site.LAN, "--no-ping", "--dhcp-range="+visitors)
}

// runDHCP runs dnsmasq for DHCP on a host.
func (r *Relay) runDHCP(s *started, host endurance.Host, options ...string) error {
	directory, err := s.directory("dnsmasq")
	if err == nil {
		leases := "--dhcp-leasefile=" + filepath.Join(directory, "leases")
		_, err = s.dnsmasq(host, nil, append([]string{"--port=0", leases}, options...)...)
	}
	return err
}

// Prepare implements Sessions. A host gets an address by a relay on the active unit.
func (r *Relay) Prepare(ctx context.Context) error {
	unit, err := r.Site.Active(ctx)
	if err != nil {
		return err
	}
	r.relay.Close()
	r.on = unit
	if err := r.runDHCP(&r.relay, unit, "--dhcp-relay="+wanVirtual.String()+","+client.String()); err != nil {
		return err
	}
	if err := r.serves(ctx); err != nil {
		return err
	}
	found, err := hasRelayed(unit)
	if err == nil && !found {
		err = errors.New("the active unit has no connection of the relay")
	}
	return err
}

// Check implements Sessions.
func (r *Relay) Check(ctx context.Context) []Proof {
	r.relay.Close()
	unit, err := r.Site.Active(ctx)
	if err == nil {
		var found bool
		if found, err = hasRelayed(unit); found {
			err = errors.New("the new active unit has it")
		}
	}
	// The former unit must not have it when it is active again. After a loss of power, it has nothing.
	_, _ = command(r.on, "conntrack -D "+relayed)
	return []Proof{
		{What: "connection of a relay stays off the other unit", Err: err},
		{What: "address by a relay on the new active unit", Err: r.Prepare(ctx)},
	}
}

// serves adds a host on the WAN, which must get an address.
func (r *Relay) serves(ctx context.Context) error {
	r.hosts++
	var visitor started
	defer visitor.Close()
	host, err := visitor.leaseholder(r.Site.WAN, fmt.Sprintf("visitor%d", r.hosts))
	if err != nil {
		return err
	}
	_, err = host.ask(ctx, &visitor)
	return err
}

// relayed selects the connection of the relay with the server. The document has the addresses.
const relayed = "-p udp --orig-src 203.0.113.1 --orig-dst 192.168.50.10 --orig-port-dst 67"

// hasRelayed reports whether a unit knows the connection of a relay with the server.
func hasRelayed(unit endurance.Host) (bool, error) {
	listing, err := command(unit, "conntrack -L "+relayed)
	return strings.Contains(listing, "dport=67"), err
}
