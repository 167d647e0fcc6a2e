package table

import (
	"context"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/state"
)

// Set has the table of each class that providers publish. A table exists whether or not the class is replicated.
type Set struct{ tables []*Table }

// NewSet returns a table for each row of the catalogue that is provided. Now is the boot clock.
func NewSet(catalogue state.Catalogue, now func() time.Duration) *Set {
	s := &Set{}
	for _, row := range catalogue {
		if row.Provided {
			s.tables = append(s.tables, New(Options{Class: row.ID, Now: now, IsGrouped: row.ID == state.Custom}))
		}
	}
	return s
}

// Table returns the table of a class.
func (s *Set) Table(id state.Class) (*Table, bool) {
	for _, t := range s.tables {
		if t.options.Class == id {
			return t, true
		}
	}
	return nil, false
}

// Factories returns the factories of the classes.
func (s *Set) Factories() []class.Factory {
	factories := make([]class.Factory, len(s.tables))
	for i, t := range s.tables {
		factories[i] = t.Factory()
	}
	return factories
}

// Become sets in each table whether this unit is active.
func (s *Set) Become(active bool) {
	for _, t := range s.tables {
		t.Become(active)
	}
}

// DropUnreplicated deletes the entries of each table that nothing replicates.
func (s *Set) DropUnreplicated() {
	for _, t := range s.tables {
		t.DropUnreplicated()
	}
}

// Run ends the entries of the tables until ctx ends.
func (s *Set) Run(ctx context.Context) {
	var running sync.WaitGroup
	for _, t := range s.tables {
		running.Go(func() { t.Run(ctx) })
	}
	running.Wait()
}
