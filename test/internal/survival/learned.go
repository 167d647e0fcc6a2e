package survival

import "context"

// Learned has a host that answers no more ARP requests once the active unit has learned its neighbour entry.
type Learned struct {
	Site Site

	started
}

// Serve implements Sessions.
func (l *Learned) Serve(ctx context.Context) error {
	if err := l.filterARP(l.Site.WAN, "silence", ""); err != nil {
		return err
	}
	if err := l.address(l.Site.WAN, learned); err != nil {
		return err
	}
	return l.greet(ctx, l.Site.WAN, greeter(learned))
}

// Prepare implements Sessions.
func (l *Learned) Prepare(ctx context.Context) error {
	if _, err := command(l.Site.WAN, "nft flush chain arp silence requests"); err != nil {
		return err
	}
	return eventually(ctx, learned.String()+" to be reached", l.reach)
}

// Announce implements Sessions. The unit learns the entry again. So the entry is fresh, and the unit does not check it
// before the role moves.
func (l *Learned) Announce(ctx context.Context) error {
	unit, err := l.Site.Active(ctx)
	if err != nil {
		return err
	}
	if _, err := command(unit, "ip neighbour flush to "+learned.String()+" dev wan"); err != nil {
		return err
	}
	if err := l.reach(ctx); err != nil {
		return err
	}
	_, err = command(l.Site.WAN, "nft add rule arp silence requests arp daddr ip "+learned.String()+" drop")
	return err
}

// Check implements Sessions.
func (l *Learned) Check(ctx context.Context) []Proof {
	return []Proof{{What: "learned neighbour that answers no more", NeedsClass: true, Err: l.reach(ctx)}}
}

func (l *Learned) reach(ctx context.Context) error {
	return reach(ctx, l.Site.LAN, client, greeter(learned))
}
