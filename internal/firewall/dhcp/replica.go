package dhcp

import (
	"time"

	"github.com/hapair-io/hapair/internal/bounded"
	"github.com/hapair-io/hapair/internal/firewall/dhcp/pool"
	"github.com/hapair-io/hapair/internal/localapi/client"
	"github.com/hapair-io/hapair/internal/state"
)

// durable is how long an answer waits until the other unit has the lease.
const durable = 50 * time.Millisecond

// Replicate makes the sidecar decide whether the unit is active, and replicates the leases. It must be called before
// Run. Without it, the server is active if Become says so, and nothing is replicated.
func (s *Server) Replicate(c *client.Client) {
	s.replica = client.NewProvider(c, client.ProviderConfig{
		Class:   state.DHCPServer.String(),
		Durable: durable,
		Role:    s.Become,
		Changed: s.changedOnActive,
		Removed: s.removedOnActive,
		Take: func(entries []client.Entry) {
			all := make([]pool.Entry, 0, len(entries))
			for _, e := range entries {
				all = append(all, pool.Entry(e))
			}
			s.replace(all)
		},
		Snapshot: func() (all []client.Entry) {
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, e := range s.machine.Entries(s.now()) {
				all = append(all, client.Entry(e))
			}
			return all
		},
	})
}

// receivedEntry is an entry of the active unit, and when it was received.
type receivedEntry struct {
	pool.Entry
	at time.Duration
}

// remembered returns the entries that were received and have not ended. The caller holds the lock.
func (s *Server) remembered() (entries []pool.Entry) {
	for _, r := range s.received {
		if r.Life -= s.now() - r.at; r.Life > 0 {
			entries = append(entries, r.Entry)
		}
	}
	return entries
}

// replace takes in all entries of the active unit, in place of what this unit knows.
func (s *Server) replace(entries []pool.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.machine.Entries(s.now()) {
		s.machine.Forget(e.Key)
	}
	clear(s.received)
	for _, e := range entries {
		s.restore(e)
	}
}

// changedOnActive takes in an entry that the active unit has changed.
func (s *Server) changedOnActive(e client.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.restore(pool.Entry(e))
}

// removedOnActive takes in that the active unit has removed an entry.
func (s *Server) removedOnActive(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.received, key)
	s.machine.Forget(key)
}

// restore takes in an entry. The caller holds the lock.
func (s *Server) restore(e pool.Entry) {
	bounded.Put(s.received, pool.MaxLeases, e.Key, receivedEntry{e, s.now()})
	if len(s.networks) == 0 {
		return // The document has not come yet.
	}
	if err := s.machine.Restore(s.now(), e); err != nil {
		s.log.V(1).Info("Refused a lease of the active unit", "error", err.Error())
	}
}
