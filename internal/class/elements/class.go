package elements

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/ruleset"
	"github.com/hapair-io/hapair/internal/state"
)

// MaxPerSet is the largest size of a set that the class serves.
const MaxPerSet = ruleset.MaxDynamicElements

// Config configures the class on one unit.
type Config struct {
	ID state.Class
	// Table is the table of the family inet that has the sets.
	Table string
	// Prefixes are those of the names of the sets.
	Prefixes []string
}

// Elements is the class on one unit, in the network namespace of the thread that made it.
type Elements struct {
	id     state.Class
	sets   *sets
	source *source
	sink   *sink
}

// Factory returns the factory of a class.
func Factory(config Config) class.Factory {
	return class.Factory{ID: config.ID, New: func(class.Options) (class.Class, error) {
		e, err := New(config)
		if err != nil {
			return class.Class{}, err
		}
		return e.Class(), nil
	}}
}

// New opens the kernel's sets and begins to follow them. Close must be called.
func New(config Config) (*Elements, error) {
	s := &sets{config: config, kernel: nftables.Open()}
	// The first request decides about the network namespace of the kernel's socket.
	if _, err := s.kernel.Generation(); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the sets of class %s: %w", config.ID, err), s.kernel.Close())
	}
	sink, err := newSink(s)
	if err != nil {
		return nil, errors.Join(err, s.kernel.Close())
	}
	return &Elements{id: config.ID, sets: s, source: &source{sets: s, keep: sink.keep}, sink: sink}, nil
}

// Class returns what the engine replicates.
func (e *Elements) Class() class.Class {
	return class.Class{ID: e.id, Source: e.source, Sink: e.sink, Codec: codec{}, Close: e.Close}
}

// Close ends what New began. No engine may use the class any more.
func (e *Elements) Close() error { return errors.Join(e.sink.close(), e.sets.kernel.Close()) }

// sets are the sets of the kernel that a class serves.
type sets struct {
	config Config
	kernel nftables.Kernel
}

// serves reports whether the class serves sets of this name.
func (s *sets) serves(set string) bool {
	return len(set) <= maxSetName &&
		slices.ContainsFunc(s.config.Prefixes, func(prefix string) bool { return strings.HasPrefix(set, prefix) })
}

// list returns the sets that exist and that the class serves.
func (s *sets) list() ([]nftables.Set, error) {
	all, err := s.kernel.Sets(s.config.Table, s.config.Prefixes)
	return slices.DeleteFunc(all, func(set nftables.Set) bool { return set.Size == 0 || set.Size > MaxPerSet }), err
}

// elements returns the elements of a set.
func (s *sets) elements(set nftables.Set) (all []nftables.Element, err error) {
	err = s.kernel.Elements(s.config.Table, set, func(e nftables.Element) error {
		e.Key, e.Value = slices.Clone(e.Key), slices.Clone(e.Value)
		all = append(all, e)
		return nil
	})
	return all, err
}

// each calls visit for each element of all sets. The kernel's socket is free meanwhile.
func (s *sets) each(visit func(set string, e nftables.Element) error) error {
	all, err := s.list()
	if err != nil {
		return err
	}
	for _, set := range all {
		elements, err := s.elements(set)
		if err != nil {
			return err
		}
		for _, e := range elements {
			if err := visit(set.Name, e); err != nil {
				return err
			}
		}
	}
	return nil
}
