package gateway

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/algs/rtsp"
	"github.com/hapair-io/hapair/internal/firewall/algs/segment"
	"github.com/hapair-io/hapair/internal/firewall/algs/stream"
	"github.com/hapair-io/hapair/internal/firewall/gateway/counts"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

const (
	// maxMedia bounds the pairs of ports that a control connection opens.
	maxMedia = 64
	// maxInterleaved is the number of interleaved packets after which a control connection is no longer read. It then
	// carries the media itself.
	maxInterleaved = 32
)

// rtspReader opens the ports of media that a server's reply to SETUP announces. It keeps no state that matters: a reply
// that is read again opens what is open.
type rtspReader struct {
	entries     entries
	log         logr.Logger
	connections stream.Table[rtspConnection]
	counter     *counts.Counter
	// refused counts transports that were not opened.
	refused int
}

// rtspConnection is what a server has sent on a connection.
type rtspConnection struct {
	stream      stream.Stream
	media       int
	interleaved int
}

// read reads a segment of a server.
func (r *rtspReader) read(s *segment.Segment, now time.Time) (verdict, []byte) {
	key := stream.Key{Source: s.Source, Destination: s.Destination}
	if s.Begins || s.Ends {
		defer r.connections.Remove(key)
	}
	c := r.connections.Get(key, now)
	c.stream.Add(now, s.Sequence, s.Payload)
	result := pass
	for {
		item := rtsp.Next(c.stream.Bytes())
		if item.Bytes == 0 {
			break
		}
		if item.IsMedia {
			r.countInterleaved(s, c)
		}
		if reply := item.Reply; reply != nil && reply.Status/100 == 2 && reply.Transport != "" {
			err := r.open(s, c, reply)
			// The client has a repeated reply already, if the kernel can no longer adjust it.
			if errors.Is(err, conntrack.ErrAdjusted) || err != nil && !r.refuse(s, c, reply, err) {
				result = drop
			}
		}
		c.stream.Discard(item.Bytes)
	}
	return edited(&c.stream, s, result)
}

// open opens the ports of a transport, and translates the addresses in it. It does nothing for transports without ports
// of their own.
func (r *rtspReader) open(s *segment.Segment, c *rtspConnection, reply *rtsp.Reply) error {
	transport, err := rtsp.ParseTransport(reply.Transport)
	if err != nil {
		return err
	}
	pairs := transport.Pairs()
	if len(pairs) == 0 {
		return nil
	}
	control, err := r.entries.find(s)
	if err != nil {
		return err
	}
	reached, own := addressOf(control)
	if source := transport.Source.Addr; source.IsValid() && source != reached && source != own {
		return fmt.Errorf("%w: the media come from %s, which is not the server", errHost, source)
	}
	if c.media += len(pairs); c.media > maxMedia {
		return fmt.Errorf("%w: more than %d ports on one control connection", errPort, maxMedia)
	}
	for _, pair := range pairs {
		if err := r.entries.openDatagrams(control, pair.Client, pair.Server, contract.LabelRTSP); err != nil {
			return fmt.Errorf("opening port %d of the client for port %d of the server: %w", pair.Client, pair.Server, err)
		}
	}
	if err := r.translate(s, c, control, reply, transport); err != nil {
		return err
	}
	r.counter.Add(counts.Announced)
	return nil
}

// translate replaces the addresses in a transport: each side gets the ones that it knows. It returns an error only if
// the segment must not pass. Other replies pass as they are, because most clients ignore these addresses. So do
// requests of clients, because most servers ignore the addresses in them.
func (r *rtspReader) translate(
	s *segment.Segment, c *rtspConnection, control conntrack.Flow, reply *rtsp.Reply, transport rtsp.Transport,
) error {
	var source, destination netip.Addr
	if transport.Source.Addr == control.Reply.Src {
		source = control.Orig.Dst
	}
	if transport.Destination.Addr == control.Reply.Dst {
		destination = control.Orig.Src
	}
	part, isChanged := transport.WithAddresses(reply.Transport, source, destination)
	if !isChanged {
		return nil
	}
	err := r.entries.edit(s, &c.stream, control, change{
		offset: reply.TransportAt + part.Begin, replaced: part.End - part.Begin, bytes: []byte(part.Text),
	})
	if err != nil && !errors.Is(err, conntrack.ErrAdjusted) {
		r.counter.Add(counts.Untranslated)
		r.log.Error(err, "Passing addresses of RTSP media untranslated", "server", s.Source.String(),
			"client", s.Destination.String(), "transport", reply.Transport)
		return nil
	}
	return err
}

// refuse makes the reply one of a server that refuses the transport, so that the client asks for another one and no
// media go to another client. It reports false if the client has a part of the reply already.
func (r *rtspReader) refuse(s *segment.Segment, c *rtspConnection, reply *rtsp.Reply, why error) bool {
	r.refused++
	r.counter.Add(refusal(why))
	r.log.Error(why, "Refusing ports of RTSP media", "server", s.Source.String(), "client", s.Destination.String(),
		"transport", reply.Transport, "refused", r.refused)
	status := []byte(rtsp.StatusUnsupported)
	return c.stream.Edit(reply.StatusAt, len(status), status, s.Sequence, s.Payload)
}

// countInterleaved stops reading a connection that carries the media itself.
func (r *rtspReader) countInterleaved(s *segment.Segment, c *rtspConnection) {
	if c.interleaved++; c.interleaved != maxInterleaved {
		return
	}
	control, err := r.entries.find(s)
	if err == nil {
		err = r.entries.setInspected(control)
	}
	if err != nil {
		r.log.Error(err, "Reading on a control connection that carries media")
	}
}
