package nameserver

import (
	"net/netip"
	"sync"
)

// limits bound how much is done at the same time, in all and for each client.
type limits struct {
	most, mostOfClient int

	mu      sync.Mutex
	all     int
	clients map[netip.Addr]int
}

func newLimits(most, mostOfClient int) *limits {
	return &limits{most: most, mostOfClient: mostOfClient, clients: map[netip.Addr]int{}}
}

// enter takes a place for a client. It returns false if all are taken.
func (l *limits) enter(client netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all >= l.most || l.clients[client] >= l.mostOfClient {
		return false
	}
	l.all++
	l.clients[client]++
	return true
}

// leave gives a place back.
func (l *limits) leave(client netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.clients[client]--; l.clients[client] == 0 {
		delete(l.clients, client)
	}
}
