package survival

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/hapair-io/hapair/test/testbed/emulators"
)

const (
	// playerPort is that of a server for players.
	playerPort = 7070
	// firstPlayer is the first port at which a player waits for media.
	firstPlayer = 7100
	// enoughMedia is how many packets must come.
	enoughMedia = 20
)

// RealAudio has players that named their port before the role moved, and whose media begin afterwards. No free program
// speaks the protocol, so both ends are emulators.
type RealAudio struct {
	Site Site

	started
	media mediaServer
	// players are in the order in which they named their ports. The media of the last one begin when it is checked.
	players []*player
}

// Serve implements Sessions.
func (r *RealAudio) Serve(ctx context.Context) (err error) {
	// Any port of the server may send. Each run has another one, so that no entry of an earlier run lets media pass.
	r.media.conn, err = r.Site.WAN.ListenPacket(ctx, "udp4", netip.AddrPortFrom(server, 0).String())
	if err != nil {
		return err
	}
	r.closing(r.media.conn)
	r.running.Go(r.media.send)
	return r.serve(ctx, r.Site.WAN, netip.AddrPortFrom(server, playerPort), func(conn net.Conn) {
		_ = conn.SetDeadline(time.Now().Add(attempt))
		hello := make([]byte, len(emulators.Hello(0)))
		if _, err := io.ReadFull(conn, hello); err == nil {
			_, _ = conn.Write(hello) // The player compares it with what it has sent.
		}
	})
}

// Prepare implements Sessions.
func (r *RealAudio) Prepare(ctx context.Context) error {
	if len(r.players) > 0 {
		return nil
	}
	if err := r.open(ctx); err != nil {
		return err
	}
	r.media.begin(r.players[0].port)
	return r.players[0].plays(ctx)
}

// Announce implements Sessions. The firewall keeps a named port open for a minute.
func (r *RealAudio) Announce(ctx context.Context) error { return r.open(ctx) }

// open opens a player that names its port.
func (r *RealAudio) open(ctx context.Context) error {
	p := &player{port: uint16(firstPlayer + 2*len(r.players))}
	heard, err := r.Site.LAN.ListenPacket(ctx, "udp4", netip.AddrPortFrom(client, p.port).String())
	if err != nil {
		return err
	}
	r.closing(heard)
	r.running.Go(func() { p.listen(heard) })
	r.players = append(r.players, p)
	return eventually(ctx, "the server to hear of a player", func(ctx context.Context) error {
		return r.greets(ctx, p.port)
	})
}

// greets names a port, and checks that the server has received it.
func (r *RealAudio) greets(ctx context.Context, port uint16) error {
	conn, err := r.Site.LAN.Dial(ctx, "tcp", netip.AddrPortFrom(server, playerPort).String())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(attempt)); err != nil {
		return err
	}
	hello := emulators.Hello(int(port))
	if _, err := conn.Write(hello); err != nil {
		return err
	}
	got := make([]byte, len(hello))
	if _, err := io.ReadFull(conn, got); err != nil {
		return err
	}
	if string(got) != string(hello) {
		return fmt.Errorf("the server received %q instead of %q", got, hello)
	}
	return nil
}

// Check implements Sessions.
func (r *RealAudio) Check(ctx context.Context) (proofs []Proof) {
	last := len(r.players) - 1
	r.media.begin(r.players[last].port)
	var done sync.WaitGroup
	proofs = make([]Proof, len(r.players))
	for i, p := range r.players {
		proofs[i] = Proof{What: "media that play since an earlier change"}
		done.Go(func() { proofs[i].Err = p.plays(ctx) })
	}
	proofs[last].What, proofs[last].NeedsClass = "port named before, media begin after", true
	done.Wait()
	return proofs
}

// plays waits until media have come.
func (p *player) plays(ctx context.Context) error {
	return grows(ctx, "media", enoughMedia, func() (uint64, error) { return p.heard.Load(), nil })
}
