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
	"github.com/hapair-io/hapair/internal/ruleset"
)

// sqlnetReader announces the connections to which an Oracle listener redirects its clients.
type sqlnetReader struct {
	entries     entries
	pinholes    pinholes
	log         logr.Logger
	connections stream.Table[sqlnetConnection]
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
	c.stream.Add(s.Sequence, s.Payload)
	result := pass
	for {
		p, complete := tns.Next(c.stream.Bytes(), c.isAnnounced)
		if !complete {
			break
		}
		c.isAnnounced = p.Kind == tns.Announced
		switch p.Kind {
		case tns.Redirect:
			if err := r.open(s, c, p); err != nil && !r.refuse(s, c, p, err) {
				result = drop
			}
		case tns.Ended:
			r.end(s)
		case tns.Other, tns.Announced:
		}
		c.stream.Discard(p.Bytes)
	}
	return result, c.stream.Edited(s.Sequence, s.Payload)
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

// errRedirect reports a redirect that the gateway does not announce.
var errRedirect = errors.New("refused redirect")

// open announces the connection to which a listener redirects. A client that reached the listener through translation
// gets the address that it knows in place of one on the inside.
func (r *sqlnetReader) open(s *segment.Segment, c *sqlnetConnection, p tns.Packet) error {
	target, err := tns.ParseTarget(p.Text)
	if err != nil {
		return fmt.Errorf("%w: %w", errRedirect, err)
	}
	control, err := r.entries.find(s)
	if err != nil {
		return err
	}
	client := control.Orig.Src
	if client.Is4() != target.Address.Addr().Is4() {
		return fmt.Errorf("%w: %s is of another family than the client", errRedirect, target.Address)
	}
	hole := pinhole{from: client, to: target.Address}
	if reached, own := addressOf(control); reached != own {
		hole.to = netip.AddrPortFrom(reached, target.Address.Port())
		if err := r.retarget(s, c, p, target, reached); err != nil {
			return err
		}
		if err := r.ensureFree(hole, target.Address); err != nil {
			return err
		}
	}
	return r.pinholes.open(hole, target.Address)
}

// ensureFree returns an error if the client was redirected to the same port of another host meanwhile.
func (r *sqlnetReader) ensureFree(hole pinhole, target netip.AddrPort) error {
	targets, err := r.pinholes.translations(ruleset.FamilyOf(target.Addr()))
	if err != nil {
		return err
	}
	if taken, ok := targets[string(hole.key())]; ok && taken != string(value(target)) {
		return fmt.Errorf("%w: %s leads the client to another host", errRedirect, hole.to)
	}
	return nil
}

// retarget replaces the host in a redirect. The text keeps its length: spaces after a value mean nothing.
func (r *sqlnetReader) retarget(
	s *segment.Segment, c *sqlnetConnection, p tns.Packet, target tns.Target, reached netip.Addr,
) error {
	host, length := reached.String(), target.Host.End-target.Host.Begin
	if len(host) > length {
		return fmt.Errorf("%w: the address %s, by which the client reaches the listener, is longer than %s in the redirect",
			errRedirect, reached, target.Address.Addr())
	}
	host += strings.Repeat(" ", length-len(host))
	if !c.stream.Edit(p.Offset+target.Host.Begin, []byte(host), s.Sequence, s.Payload) {
		return fmt.Errorf("%w: a part of its address was sent before the rest came", errRedirect)
	}
	return nil
}

// refuse makes the redirect a refusal, so that the client does not wait for a connection that cannot be. It reports
// false if the client has a part of the redirect already.
func (r *sqlnetReader) refuse(s *segment.Segment, c *sqlnetConnection, p tns.Packet, why error) bool {
	r.refused++
	r.log.Error(why, "Refusing redirect of SQL*Net", "listener", s.Source.String(), "client", s.Destination.String(),
		"redirect", p.Text, "refused", r.refused)
	return c.stream.Edit(tns.TypeAt, []byte{tns.TypeRefuse}, s.Sequence, s.Payload)
}
