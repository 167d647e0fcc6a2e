package survival

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
)

// Neighbours has hosts that do not answer ARP. The document lists one of them, and a program added the other one on the
// active unit. For a third one, the units answer themselves.
type Neighbours struct {
	Site Site

	started
	isAdded bool
}

// Serve implements Sessions.
func (n *Neighbours) Serve(ctx context.Context) error {
	silent := "arp daddr ip { " + added.String() + ", " + listed.String() + " } drop;"
	if err := n.filterARP(n.Site.WAN, "mute", silent); err != nil {
		return err
	}
	for _, address := range []netip.Addr{added, listed} {
		if err := n.address(n.Site.WAN, address); err != nil {
			return err
		}
		if err := n.greet(ctx, n.Site.WAN, greeter(address)); err != nil {
			return err
		}
	}
	if err := n.address(n.Site.LAN, published); err != nil {
		return err
	}
	return n.greet(ctx, n.Site.LAN, greeter(published))
}

// Prepare implements Sessions.
func (n *Neighbours) Prepare(ctx context.Context) error {
	if n.isAdded {
		return nil
	}
	if n.reach(ctx, added) == nil {
		return fmt.Errorf("%s answers, so it proves nothing", added)
	}
	unit, err := n.Site.Active(ctx)
	if err != nil {
		return err
	}
	mac, err := n.Site.serverMAC()
	if err != nil {
		return err
	}
	entry := added.String() + " lladdr " + mac + " nud permanent dev wan"
	if _, err := command(unit, "ip neighbour replace "+entry); err != nil {
		return err
	}
	n.isAdded = true
	err = eventually(ctx, published.String()+" to be reached", n.reachPublished)
	if err != nil {
		return err
	}
	for _, address := range []netip.Addr{added, listed} {
		err := eventually(ctx, address.String()+" to be reached", func(ctx context.Context) error {
			return n.reach(ctx, address)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Check implements Sessions.
func (n *Neighbours) Check(ctx context.Context) []Proof {
	return []Proof{
		// A neighbour uses the MAC address of the former active until its entry is old: nobody announces the address.
		{What: "address that the document publishes", Err: eventually(ctx, "it to be reached", n.reachPublished)},
		{What: "permanent neighbour that a program added", NeedsClass: true, Err: n.reach(ctx, added)},
		{What: "neighbour of the document", Err: n.reach(ctx, listed)},
	}
}

// reachPublished connects from the other side, where nobody has the address.
func (n *Neighbours) reachPublished(ctx context.Context) error {
	return reach(ctx, n.Site.WAN, server, greeter(published))
}

func (n *Neighbours) reach(ctx context.Context, address netip.Addr) error {
	return reach(ctx, n.Site.LAN, client, greeter(address))
}

// serverMAC returns the MAC address of the host on the WAN.
func (s Site) serverMAC() (string, error) {
	text, err := command(s.WAN, "ip -brief link show dev eth0")
	if err != nil {
		return "", err
	}
	if words := strings.Fields(text); len(words) > 2 {
		return words[2], nil
	}
	return "", fmt.Errorf("reading the MAC address in %q", text)
}
