package firewall

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/notify"
)

// revalidator ends the connections that a document no longer allows. The kernel asks the rules about new connections
// only, so the revalidator asks about the others each time that a document comes into force. It also does so when rules
// are restored, since what began under altered ones would go on. Both units do it. The kernel of the active reports
// each end to the standby, and a standby that becomes active at that moment repeats it.
//
// It has a goroutine of its own, since the rules must be restored at once even while a large table is read.
type revalidator struct {
	log    logr.Logger
	latest atomic.Pointer[document.Document]
	signal notify.Signal
}

func newRevalidator(log logr.Logger) *revalidator {
	return &revalidator{log: log, signal: notify.New()}
}

// request makes run check all connections against a document that is in force. A later document replaces it.
func (r *revalidator) request(d document.Document) {
	r.latest.Store(&d)
	r.signal.Notify()
}

// repeat makes run check all connections again, against the document in force.
func (r *revalidator) repeat() {
	if r.latest.Load() != nil {
		r.signal.Notify()
	}
}

// run carries out requests until ctx ends. It rests as long as each one took: somebody may alter the rules again and
// again.
func (r *revalidator) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.signal:
		}
		begun := time.Now()
		ended, err := revalidate(ctx, plan.Revalidate(*r.latest.Load()))
		if err != nil && ctx.Err() == nil {
			r.log.Error(err, "Ending connections that the document no longer allows")
		}
		if ended > 0 {
			r.log.Info("Ended connections that the document no longer allows", "connections", ended)
		}
		backoff.Sleep(ctx, time.Since(begun))
	}
}

// revalidate ends the connections that are not allowed, with those that their helpers expected. No policy decided about
// the latter: they are allowed as long as the connection that announced them.
func revalidate(ctx context.Context, document *plan.Revalidation) (ended int, err error) {
	var refused, expected, withoutPath []conntrack.Flow
	err = conntrack.Dump(ctx, func(f conntrack.Flow) error {
		c := connectionOf(&f)
		switch {
		case isExpected(&f):
			expected = append(expected, f)
		case document.AllowsAnnounced(func(l contract.Label) bool { return hasLabel(&f, l) }):
		case !c.HasPath():
			withoutPath = append(withoutPath, f)
		case !document.Allows(c):
			refused = append(refused, f)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("reading connections: %w", err)
	}
	// The addresses are read after the connections, so that an address that was just added is known.
	own, err := ownAddresses()
	if err != nil {
		return 0, err
	}
	for i := range withoutPath {
		if f := &withoutPath[i]; !document.AllowsWithoutPath(connectionOf(f), own) {
			refused = append(refused, *f)
		}
	}
	return conntrack.End(append(refused, conntrack.ExpectedBy(refused, expected)...))
}

// isExpected reports whether a helper of the kernel announced a connection. The entry of one that was replicated does
// not name the connection that announced it if that has ended. It still has the helper's label then.
func isExpected(f *conntrack.Flow) bool {
	return f.Fields.Has(conntrack.FieldMaster) || !f.Fields.Has(conntrack.FieldHelper) &&
		slices.ContainsFunc(contract.HelperLabels(), func(h contract.HelperLabel) bool { return hasLabel(f, h.Label) })
}

// hasLabel reports whether an entry has a label.
func hasLabel(f *conntrack.Flow, label contract.Label) bool {
	for i, b := range label.Bits() {
		if f.Labels[i]&b != 0 {
			return true
		}
	}
	return false
}

// ownAddresses returns the addresses of the unit, each with the name of its interface.
func ownAddresses() (own map[netip.Addr]string, err error) {
	kernel, err := rtnetlink.Dial()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, kernel.Close()) }()
	links, err := kernel.LinkNames()
	if err != nil {
		return nil, err
	}
	table, err := kernel.AddressTable()
	if err != nil {
		return nil, err
	}
	own = make(map[netip.Addr]string, len(table))
	for _, a := range table {
		own[a.Prefix.Addr()] = links[a.Index]
	}
	return own, nil
}

// connectionOf returns what the decision needs of an entry.
func connectionOf(f *conntrack.Flow) plan.Connection {
	return plan.Connection{
		Mark: f.Mark, Protocol: f.Orig.Protocol, ICMPType: f.Orig.ICMPType,
		From: netip.AddrPortFrom(f.Orig.Src, f.Orig.SrcPort), To: netip.AddrPortFrom(f.Orig.Dst, f.Orig.DstPort),
		TranslatedFrom: netip.AddrPortFrom(f.Reply.Dst, f.Reply.DstPort),
		TranslatedTo:   netip.AddrPortFrom(f.Reply.Src, f.Reply.SrcPort),
	}
}
