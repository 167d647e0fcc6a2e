package wan

import (
	"encoding/json"

	"github.com/hapair-io/hapair/internal/bounded"
	"github.com/hapair-io/hapair/internal/firewall/wan/balance"
	"github.com/hapair-io/hapair/internal/localapi/client"
	"github.com/hapair-io/hapair/internal/state"
)

// Verdict is what the active unit knows of a link.
type Verdict struct {
	// IsReached is set while a monitor of the link is reached, or if the link has none. Whether the interface has a
	// carrier is not part of it, since that differs between units.
	IsReached bool `json:"isReached"`
	// Weight is the share of the link in new connections, relative to those of the others; 0 if it gets none.
	Weight int `json:"weight"`
}

// Replicate makes the sidecar decide whether the unit is active, and replicates the verdicts. It must be called before
// Run. Without it, the unit is active if Become says so, and nothing is replicated.
func (b *Balancer) Replicate(c *client.Client) {
	b.replica = client.NewProvider(c, client.ProviderConfig{
		Class:    state.WANLoadBalancing.String(),
		Role:     b.Become,
		Changed:  func(e client.Entry) { b.receive([]client.Entry{e}) },
		Removed:  b.forget,
		Take:     b.take,
		Snapshot: b.entries,
	})
}

// take takes in all verdicts of the active unit, or those of an earlier process of this one.
func (b *Balancer) take(entries []client.Entry) {
	b.mu.Lock()
	b.isInformed = true
	clear(b.received)
	b.mu.Unlock()
	b.receive(entries)
}

// receive takes in verdicts of the active unit.
func (b *Balancer) receive(entries []client.Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range entries {
		var v Verdict
		if err := json.Unmarshal(e.Value, &v); err != nil {
			b.log.Error(err, "Ignoring a verdict of the active unit", "link", e.Key)
			continue
		}
		bounded.Put(b.received, maxReceived, e.Key, v.IsReached)
		b.machine.Restore(e.Key, v.IsReached)
		if !v.IsReached {
			bounded.Put(b.reasons, maxReceived, e.Key, reasonOfPeer)
		}
	}
	b.settled.Notify()
}

// forget takes in that the active unit has no verdict about a link, since its document lacks it.
func (b *Balancer) forget(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.received, name)
}

// entries returns all verdicts.
func (b *Balancer) entries() (all []client.Entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, v := range b.verdicts() {
		all = append(all, entryOf(name, v))
	}
	return all
}

// verdicts returns what is known of each link. The caller holds the lock.
func (b *Balancer) verdicts() map[string]Verdict {
	all := map[string]Verdict{}
	weights := balance.Weights(b.plain(), b.machine.IsUp)
	for _, l := range b.machine.Links() {
		all[l.Name] = Verdict{IsReached: b.machine.IsReached(l.Name), Weight: weights[l.Name]}
	}
	return all
}

func entryOf(name string, v Verdict) client.Entry {
	value, err := json.Marshal(v)
	if err != nil {
		panic(err) // It has no field that could not be encoded.
	}
	return client.Entry{Key: name, Value: value}
}
