package admission

import (
	"net"
	"slices"
	"sync"
)

// Places holds a bounded number of connections. Its methods are safe for concurrent use.
type Places struct {
	limit int

	mu    sync.Mutex
	taken []*Place // the oldest first
}

// Place is the place of one connection.
type Place struct {
	places     *Places
	connection net.Conn
	displaced  bool
}

// NewPlaces returns a number of free places, at least 1.
func NewPlaces(limit int) *Places { return &Places{limit: max(1, limit)} }

// Take gives a connection a place. If all places are taken, it closes the oldest connection, which loses its place.
func (p *Places) Take(connection net.Conn) *Place {
	place := &Place{places: p, connection: connection}
	if oldest := p.add(place); oldest != nil {
		_ = oldest.connection.Close() // its owner notices
	}
	return place
}

// add adds a place, and returns the one that it displaces.
func (p *Places) add(place *Place) (oldest *Place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.taken) >= p.limit {
		oldest = p.taken[0]
		oldest.displaced = true
		p.taken = slices.Delete(p.taken, 0, 1)
	}
	p.taken = append(p.taken, place)
	return oldest
}

// Leave gives the place back. It reports whether the connection was displaced before. Repeating it is harmless.
func (p *Place) Leave() (displaced bool) {
	p.places.mu.Lock()
	defer p.places.mu.Unlock()
	p.places.taken = slices.DeleteFunc(p.places.taken, func(t *Place) bool { return t == p })
	return p.displaced
}
