package gateway

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/firewall/algs/segment"
	"github.com/hapair-io/hapair/internal/firewall/algs/stream"
	"github.com/hapair-io/hapair/internal/firewall/algs/tns"
	"github.com/hapair-io/hapair/internal/firewall/gateway/counts"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// sqlnetReader announces the connections to which an Oracle listener redirects its clients.
type sqlnetReader struct {
	entries     entries
	pinholes    pinholes
	log         logr.Logger
	connections stream.Table[sqlnetConnection]
	counter     *counts.Counter
	// refused counts redirects that were not announced.
	refused int
}

// sqlnetConnection is what a listener has sent on a connection.
type sqlnetConnection struct {
	stream stream.Stream
	// isAnnounced is set if the text of a redirect comes in the next packet.
	isAnnounced bool
}

// read reads a segment of a listener.
func (r *sqlnetReader) read(s *segment.Segment, now time.Time) (verdict, []byte) {
	key := stream.Key{Source: s.Source, Destination: s.Destination}
	if s.Begins || s.Ends {
		defer r.connections.Remove(key)
	}
	c := r.connections.Get(key, now)
	c.stream.Add(now, s.Sequence, s.Payload)
	result := pass
	for {
		p, complete := tns.Next(c.stream.Bytes(), c.isAnnounced)
		if !complete {
			break
		}
		c.isAnnounced = p.Kind == tns.Announced
		switch p.Kind {
		case tns.Redirect:
			// The client has a repeated redirect already, if the kernel can no longer adjust it.
			err := r.open(s, c, p)
			if err == nil {
				r.counter.Add(counts.Announced)
			}
			if errors.Is(err, conntrack.ErrAdjusted) || err != nil && !r.refuse(s, c, p, err) {
				result = drop
			}
		case tns.Ended:
			r.end(s)
		case tns.Other, tns.Announced:
		}
		c.stream.Discard(p.Bytes)
	}
	return edited(&c.stream, s, result)
}

// end stops reading a connection, which carries data from now on.
func (r *sqlnetReader) end(s *segment.Segment) {
	control, err := r.entries.find(s)
	if err == nil {
		err = r.entries.setInspected(control)
	}
	if err != nil {
		r.log.Error(err, "Reading on a connection that carries data")
	}
}

// open announces the connection to which a listener redirects. A client that reached the listener through translation
// gets the address that it knows in place of one on the inside.
func (r *sqlnetReader) open(s *segment.Segment, c *sqlnetConnection, p tns.Packet) error {
	target, err := tns.ParseTarget(p.Text)
	if err != nil {
		return err
	}
	control, err := r.entries.find(s)
	if err != nil {
		return err
	}
	client := control.Orig.Src
	if client.Is4() != target.Address.Addr().Is4() {
		return fmt.Errorf("%w: %s is of another family than the client", errHost, target.Address)
	}
	hole := pinhole{from: client, to: target.Address}
	reached, own := addressOf(control)
	if reached == own {
		return r.pinholes.open(hole, target.Address)
	}
	hole.to = netip.AddrPortFrom(reached, target.Address.Port())
	if err := r.ensureFree(hole, target.Address); err != nil {
		return err
	}
	if err := r.pinholes.open(hole, target.Address); err != nil {
		return err
	}
	return r.retarget(s, c, p, target, control)
}

// ensureFree returns an error if the client was redirected to the same port of another host meanwhile.
func (r *sqlnetReader) ensureFree(hole pinhole, target netip.AddrPort) error {
	targets, err := r.pinholes.translations(ruleset.FamilyOf(target.Addr()))
	if err != nil {
		return err
	}
	if taken, ok := targets[string(hole.key())]; ok && taken != string(value(target)) {
		return fmt.Errorf("%w: %s leads the client to another host", errClash, hole.to)
	}
	return nil
}

// retarget replaces the host in a redirect by the one that the client knows. If the kernel cannot adjust sequence
// numbers of the connection, a shorter host keeps the length: spaces after a value mean nothing.
func (r *sqlnetReader) retarget(
	s *segment.Segment, c *sqlnetConnection, p tns.Packet, target tns.Target, control conntrack.Flow,
) error {
	reached, _ := addressOf(control)
	host, length := reached.String(), target.Host.End-target.Host.Begin
	err := r.setHost(s, c, p, target, control, host)
	if errors.Is(err, errNoRoom) && len(host) < length {
		err = r.setHost(s, c, p, target, control, host+strings.Repeat(" ", length-len(host)))
	}
	if err != nil {
		return fmt.Errorf("replacing the host of a redirect by %s: %w", reached, err)
	}
	return nil
}

func (r *sqlnetReader) setHost(
	s *segment.Segment, c *sqlnetConnection, p tns.Packet, target tns.Target, control conntrack.Flow, host string,
) error {
	bytes, replaced := p.WithHost(c.stream.Bytes(), target, host)
	if bytes == nil {
		return fmt.Errorf("the packet would be longer than %d bytes", tns.MaxPacket)
	}
	return r.entries.edit(s, &c.stream, control, change{bytes: bytes, replaced: replaced})
}

// refuse makes the redirect a refusal, so that the client does not wait for a connection that cannot be. It reports
// false if the client has a part of the redirect already.
func (r *sqlnetReader) refuse(s *segment.Segment, c *sqlnetConnection, p tns.Packet, why error) bool {
	r.refused++
	r.counter.Add(refusal(why))
	r.log.Error(why, "Refusing redirect of SQL*Net", "listener", s.Source.String(), "client", s.Destination.String(),
		"redirect", p.Text, "refused", r.refused)
	return c.stream.Edit(tns.TypeAt, 1, []byte{tns.TypeRefuse}, s.Sequence, s.Payload)
}
