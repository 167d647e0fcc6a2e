package gateway

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/firewall/algs/pna"
	"github.com/hapair-io/hapair/internal/firewall/algs/segment"
	"github.com/hapair-io/hapair/internal/firewall/algs/stream"
	"github.com/hapair-io/hapair/internal/firewall/gateway/counts"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// realAudioReader announces the media to the UDP ports that RealAudio clients name.
type realAudioReader struct {
	entries     entries
	pinholes    pinholes
	log         logr.Logger
	connections stream.Table[realAudioConnection]
	counter     *counts.Counter
	// refused counts ports that were not announced.
	refused int
}

// realAudioConnection is what a client has sent on a connection.
type realAudioConnection struct {
	stream stream.Stream
	// announced is the number of ports in the hello that are announced.
	announced int
}

// read reads a segment of a client. It drops one with a port that cannot be announced, so that no media go to another
// client.
func (r *realAudioReader) read(s *segment.Segment, now time.Time) (verdict, []byte) {
	key := stream.Key{Source: s.Source, Destination: s.Destination}
	if s.Begins || s.Ends {
		defer r.connections.Remove(key)
	}
	c := r.connections.Get(key, now)
	c.stream.Add(now, s.Sequence, s.Payload)
	if len(c.stream.Bytes()) == 0 {
		return edited(&c.stream, s, pass)
	}
	ports, state := pna.Parse(c.stream.Bytes())
	if len(ports) == c.announced && state == pna.Partial {
		return edited(&c.stream, s, pass)
	}
	control, err := r.entries.find(s)
	for c.announced < len(ports) && err == nil {
		if err = r.announce(s, c, control, ports[c.announced]); err == nil {
			c.announced++
			r.counter.Add(counts.Announced)
		}
	}
	if err == nil && state != pna.Partial {
		c.stream.Discard(len(c.stream.Bytes()))
		err = r.entries.setInspected(control)
	}
	if err != nil {
		r.refused++
		r.counter.Add(refusal(err))
		r.log.Error(err, "Refusing port of RealAudio", "client", s.Source.String(), "server", s.Destination.String(),
			"refused", r.refused)
		return drop, nil
	}
	return edited(&c.stream, s, pass)
}

const (
	// minClientPort is the lowest port that a client may ask media for.
	minClientPort = 1024
	// maxPortTries bounds the ports that are tried for one that another client has.
	maxPortTries = 256
)

// announce announces a port of a client. If another client behind the same address has it, the server is told the next
// one that is free.
func (r *realAudioReader) announce(
	s *segment.Segment, c *realAudioConnection, control conntrack.Flow, port pna.Port,
) error {
	if port.Number < minClientPort {
		return fmt.Errorf("%w: %d is one of a service", errPort, port.Number)
	}
	client := netip.AddrPortFrom(control.Orig.Src, port.Number)
	server, virtual := control.Reply.Src, control.Reply.Dst
	if virtual == client.Addr() {
		return r.pinholes.open(pinhole{from: server, to: client}, client)
	}
	targets, err := r.pinholes.translations(ruleset.FamilyOf(virtual))
	if err != nil {
		return err
	}
	for try := range uint16(maxPortTries) {
		hole := pinhole{from: server, to: netip.AddrPortFrom(virtual, port.Number+try)}
		if hole.to.Port() < minClientPort {
			break // The numbers have wrapped.
		}
		if taken, ok := targets[string(hole.key())]; ok && taken != string(value(client)) {
			continue
		}
		number := binary.BigEndian.AppendUint16(nil, hole.to.Port())
		if try > 0 && !c.stream.Edit(port.Offset, len(number), number, s.Sequence, s.Payload) {
			return fmt.Errorf("replacing port %d: %w", port.Number, errPassed)
		}
		return r.pinholes.open(hole, client)
	}
	return fmt.Errorf("%w: other clients have port %d and the next ones", errClash, port.Number)
}
