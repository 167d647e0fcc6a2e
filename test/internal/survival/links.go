package survival

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"github.com/hapair-io/hapair/test/internal/endurance"
)

// Links has connections to a host on the Internet. The pair has two links with equal weights, and the router of the
// second one does not exist. So the second one is down, after the time that its monitor has.
type Links struct {
	Site Site

	started
	connection *endurance.CountingConnection
}

// internet is a host behind the WAN, and countingPort the port of a server there.
var internet = netip.MustParseAddr("192.0.2.1")

const (
	countingPort = 7401
	// attempts is how many connections are opened at once. While both links are up, each gets every second one.
	attempts = 8
)

// Serve implements Sessions.
func (l *Links) Serve(ctx context.Context) error { return l.greet(ctx, l.Site.WAN, greeter(internet)) }

// Settle waits until the active unit knows that the second link is down. The unit then ends connections that took it.
func (l *Links) Settle(ctx context.Context) error {
	return eventually(ctx, "all connections to leave by the link that is up", l.reach)
}

// Prepare implements Sessions.
func (l *Links) Prepare(ctx context.Context) (err error) {
	if l.connection == nil {
		l.connection, err = l.count(ctx, l.Site, netip.AddrPortFrom(internet, countingPort))
	}
	return err
}

// Check implements Sessions. A unit that has just become active has probed nothing.
func (l *Links) Check(ctx context.Context) []Proof {
	reached := l.reach(ctx)
	l.connection.Reset()
	return []Proof{
		{What: "new connections by the link that is up", NeedsClass: true, Err: reached},
		{What: "TCP connection by the link that is up", Err: l.connection.Check(ctx).Err},
	}
}

// reach opens connections at once. It returns an error if one of them does not open.
func (l *Links) reach(ctx context.Context) error {
	errs := make([]error, attempts)
	var done sync.WaitGroup
	for i := range errs {
		done.Go(func() { errs[i] = reach(ctx, l.Site.LAN, netip.Addr{}, greeter(internet)) })
	}
	done.Wait()
	failed := 0
	for _, err := range errs {
		if err != nil {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d connections do not open: %w", failed, attempts, errors.Join(errs...))
	}
	return nil
}
