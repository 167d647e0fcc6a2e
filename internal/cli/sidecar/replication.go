package sidecar

import (
	"context"
	"net/netip"
	"sync"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/ha"
	"github.com/hapair-io/hapair/internal/heartbeat"
	"github.com/hapair-io/hapair/internal/replication/engine"
	"github.com/hapair-io/hapair/internal/sidecar"
)

// replication is the engine as the sidecar wants it: its events are facts of the machine, and roles are the machine's.
// What its session was keyed with seals the heartbeats.
type replication struct {
	*engine.Engine
	heartbeats *heartbeat.Link
	limits     limits
}

// costs returns what each class costs.
func (r replication) costs() map[string]sidecar.ClassCost {
	all := map[string]sidecar.ClassCost{}
	for name, cost := range r.Costs() {
		all[name] = sidecar.ClassCost(cost)
	}
	return all
}

// Follow reports what happens, and which class of state has a full table, until the context ends.
func (r replication) Follow(ctx context.Context, happened func(ha.Fact), full func(class string)) {
	var following sync.WaitGroup
	defer following.Wait()
	following.Go(func() { r.limits.follow(ctx, r.SetLimits) })
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-r.Events():
			if c, connected := event.(engine.PeerConnected); connected {
				r.heartbeats.Rekey(netip.AddrPortFrom(c.Address, contract.SyncPort), c.Incarnation, c.Keys)
			}
			if f, isFull := event.(engine.SinkFull); isFull {
				full(f.Class)
			}
			if fact := factOf(event); fact != nil {
				happened(fact)
			}
		}
	}
}

func factOf(event engine.Event) ha.Fact {
	switch e := event.(type) {
	case engine.PeerConnected:
		return ha.PeerConnected{Incarnation: ha.Incarnation(e.Incarnation)}
	case engine.PeerDisconnected:
		return ha.PeerDisconnected{}
	case engine.SyncChanged:
		return ha.SyncChanged{InSync: e.InSync}
	case engine.PeerRelinquished:
		return ha.PeerRelinquished{Term: e.Term, Sequence: e.Sequence}
	default:
		return nil
	}
}

// Become sets which way the state flows.
func (r replication) Become(role ha.Role, term uint64) {
	if role == ha.Active {
		r.Engine.Become(engine.RoleActive, term)
		return
	}
	r.Engine.Become(engine.RoleStandby, term)
}
