package survival

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/hapair-io/hapair/test/testbed/emulators"
)

const (
	// sqlnetPort is that of the listener, and redirectedPort that to which it redirects clients.
	sqlnetPort, redirectedPort = 1521, 1600
)

// SQLNet has clients that an Oracle listener redirected before the role moved, and that follow afterwards. Debian has
// no such listener, so it is an emulator.
type SQLNet struct {
	Site Site

	started
}

// Serve implements Sessions.
func (s *SQLNet) Serve(ctx context.Context) error {
	redirect := emulators.Redirect(server.String(), redirectedPort)
	err := s.serve(ctx, s.Site.WAN, netip.AddrPortFrom(server, sqlnetPort), func(conn net.Conn) {
		_ = conn.SetDeadline(time.Now().Add(attempt))
		if _, err := io.ReadFull(conn, make([]byte, 1)); err == nil {
			_, _ = conn.Write(redirect) // The client detects a failure.
		}
	})
	if err != nil {
		return err
	}
	return s.greet(ctx, s.Site.WAN, s.redirected())
}

func (s *SQLNet) redirected() netip.AddrPort { return netip.AddrPortFrom(server, redirectedPort) }

// Prepare implements Sessions.
func (s *SQLNet) Prepare(context.Context) error { return nil }

// Announce implements Sessions. The firewall expects a redirected client for a minute.
func (s *SQLNet) Announce(ctx context.Context) error {
	return eventually(ctx, "the redirect of the listener", s.redirect)
}

// redirect asks the listener, and returns when it has redirected the client.
func (s *SQLNet) redirect(ctx context.Context) error {
	conn, err := s.Site.LAN.Dial(ctx, "tcp", netip.AddrPortFrom(server, sqlnetPort).String())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(attempt)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte{1}); err != nil {
		return err
	}
	want := emulators.Redirect(server.String(), redirectedPort)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil {
		return err
	}
	if string(got) != string(want) {
		return fmt.Errorf("the listener answered %q, want %q", got, want)
	}
	return nil
}

// Check implements Sessions.
func (s *SQLNet) Check(ctx context.Context) []Proof {
	before := reach(ctx, s.Site.LAN, client, s.redirected())
	after := s.redirect(ctx)
	if after == nil {
		after = reach(ctx, s.Site.LAN, client, s.redirected())
	}
	return []Proof{
		{What: "client that was redirected before", NeedsClass: true, Err: before},
		{What: "client that is redirected after", Err: after},
	}
}
