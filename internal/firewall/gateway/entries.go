package gateway

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/algs/segment"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// entries are the kernel's entries of connections.
type entries struct{ table *conntrack.Table }

// errClash reports that another connection has the addresses and ports of one that a gateway would open.
var errClash = errors.New("another connection has the same addresses and ports")

// do executes one request and returns the entry that it finds.
func (e entries) do(operation conntrack.Operation, f conntrack.Flow) (conntrack.Flow, error) {
	results, err := e.table.Do([]conntrack.Request{{Operation: operation, Flow: f}}, nil)
	if err != nil {
		return f, err
	}
	return results[0].Flow, results[0].Err
}

// find returns the entry to which a segment belongs. The segment is one before translation.
func (e entries) find(s *segment.Segment) (conntrack.Flow, error) {
	f, err := e.do(conntrack.Get, conntrack.Flow{Orig: conntrack.Tuple{
		Src: s.Source.Addr(), SrcPort: s.Source.Port(), Dst: s.Destination.Addr(), DstPort: s.Destination.Port(),
		Protocol: conntrack.ProtocolTCP,
	}})
	if err != nil {
		return f, fmt.Errorf("finding the control connection from %s to %s: %w", s.Source, s.Destination, err)
	}
	return f, nil
}

// setInspected makes the rules pass the segments of a connection unread from now on.
func (e entries) setInspected(control conntrack.Flow) error {
	update := conntrack.Flow{
		Fields: conntrack.FieldLabels, Orig: control.Orig, Reply: control.Reply, Zone: control.Zone, Labels: control.Labels,
	}
	setLabel(&update, contract.LabelInspected)
	_, err := e.do(conntrack.Update, update)
	return err
}

// dataTimeout is how long a data connection may take to begin, in seconds. Afterwards the kernel's timeouts apply.
const dataTimeout = 60

// openDatagrams opens a connection over UDP of the control connection's client to its server, as if both had sent. It
// has the translation and the mark of the control connection, and ends with it when a document no longer allows that.
// Opening it again is harmless.
func (e entries) openDatagrams(control conntrack.Flow, client, server uint16, label contract.Label) error {
	f := conntrack.Flow{
		Fields: conntrack.FieldTimeout | conntrack.FieldStatus | conntrack.FieldMark | conntrack.FieldLabels |
			conntrack.FieldMaster,
		Orig: control.Orig, Reply: control.Reply, Zone: control.Zone, Mark: control.Mark, Master: control.Orig,
		TimeoutSeconds: dataTimeout,
		Status:         conntrack.StatusSeenReply | conntrack.StatusAssured | conntrack.StatusConfirmed,
	}
	f.Orig.Protocol, f.Reply.Protocol = conntrack.ProtocolUDP, conntrack.ProtocolUDP
	f.Orig.SrcPort, f.Reply.DstPort = client, client
	f.Orig.DstPort, f.Reply.SrcPort = server, server
	setLabel(&f, label)
	_, err := e.do(conntrack.Create, f)
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	found, err := e.do(conntrack.Get, conntrack.Flow{Orig: f.Orig, Zone: f.Zone})
	if err == nil && found.Orig == f.Orig && found.Reply == f.Reply {
		return nil
	}
	return fmt.Errorf("%w: %s", errClash, f.Reply)
}

// setLabel sets a label and keeps the others.
func setLabel(f *conntrack.Flow, label contract.Label) {
	for i, b := range label.Bits() {
		f.Labels[i] |= b
	}
}

// addressOf returns the address with which a client reaches the server, and the server's own.
func addressOf(control conntrack.Flow) (reached, own netip.Addr) {
	return control.Orig.Dst, control.Reply.Src
}
