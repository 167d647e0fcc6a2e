package gateway

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/algs/rtsp"
	"github.com/hapair-io/hapair/internal/firewall/algs/segment"
	"github.com/hapair-io/hapair/internal/firewall/algs/stream"
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
	c.stream.Add(s.Sequence, s.Payload)
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
			if err := r.open(s, c, reply.Transport); err != nil && !r.refuse(s, c, reply, err) {
				result = drop
			}
		}
		c.stream.Discard(item.Bytes)
	}
	return result, c.stream.Edited(s.Sequence, s.Payload)
}

// errTransport reports a transport that the gateway does not open.
var errTransport = errors.New("refused transport")

// open opens the ports of a transport. It does nothing for transports without ports of their own.
func (r *rtspReader) open(s *segment.Segment, c *rtspConnection, value string) error {
	transport, err := rtsp.ParseTransport(value)
	if err != nil {
		return fmt.Errorf("%w: %w", errTransport, err)
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
	if source := transport.Source.Unmap(); source.IsValid() && source != reached && source != own {
		return fmt.Errorf("%w: the media come from %s, which is not the server", errTransport, source)
	}
	if c.media += len(pairs); c.media > maxMedia {
		return fmt.Errorf("%w: more than %d ports on one control connection", errTransport, maxMedia)
	}
	for _, pair := range pairs {
		if err := r.entries.openDatagrams(control, pair.Client, pair.Server, contract.LabelRTSP); err != nil {
			return fmt.Errorf("opening port %d of the client for port %d of the server: %w", pair.Client, pair.Server, err)
		}
	}
	return nil
}

// refuse makes the reply one of a server that refuses the transport, so that the client asks for another one and no
// media go to another client. It reports false if the client has a part of the reply already.
func (r *rtspReader) refuse(s *segment.Segment, c *rtspConnection, reply *rtsp.Reply, why error) bool {
	r.refused++
	r.log.Error(why, "Refusing ports of RTSP media", "server", s.Source.String(), "client", s.Destination.String(),
		"transport", reply.Transport, "refused", r.refused)
	return c.stream.Edit(reply.StatusAt, []byte(rtsp.StatusUnsupported), s.Sequence, s.Payload)
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
