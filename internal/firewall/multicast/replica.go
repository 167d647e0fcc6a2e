package multicast

import (
	"github.com/hapair-io/hapair/internal/localapi/client"
	"github.com/hapair-io/hapair/internal/state"
)

// Replicate makes the sidecar decide whether the unit is active, and replicates what the proxy knows. It must be called
// before Run. Without it, the proxy is active if Become says so, and nothing is replicated.
func (p *Proxy) Replicate(c *client.Client) {
	p.replica = client.NewProvider(c, client.ProviderConfig{
		Class:   state.Multicast.String(),
		Role:    p.Become,
		Changed: func(e client.Entry) { p.Restore(Entry(e)) },
		Removed: p.Forget,
		Take: func(entries []client.Entry) {
			all := make([]Entry, 0, len(entries))
			for _, e := range entries {
				all = append(all, Entry(e))
			}
			p.Replace(all)
		},
		Snapshot: func() []client.Entry {
			var all []client.Entry
			for _, e := range p.Entries() {
				all = append(all, client.Entry(e))
			}
			return all
		},
	})
	p.Connect(publisher{p.replica})
}

// publisher is the class on the other unit.
type publisher struct{ *client.Provider }

func (p publisher) Put(e Entry) { p.Provider.Put(client.Entry(e)) }
