package classtest

import (
	"context"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/state"
)

// Enter returns a class of which each call to source and sink runs within do. A whole sidecar runs in one network
// namespace. In a test of two units, each call enters the namespace of its unit.
func Enter(c class.Class, do func(func() error) error) class.Class {
	c.Source, c.Sink = source{c.Source, do}, sink{c.Sink, do}
	return c
}

type source struct {
	class.Source
	do func(func() error) error
}

func (s source) Watch() (w class.Watch, err error) {
	return w, s.do(func() (err error) { w, err = s.Source.Watch(); return err })
}

func (s source) Snapshot(ctx context.Context, emit func([]state.Change) error) error {
	return s.do(func() error { return s.Source.Snapshot(ctx, emit) })
}

func (s source) Digest(ctx context.Context, visit func(string, []byte) error) error {
	return s.do(func() error { return s.Source.Digest(ctx, visit) })
}

type sink struct {
	class.Sink
	do func(func() error) error
}

func (s sink) Apply(ctx context.Context, changes []state.Change) (o class.Outcome, err error) {
	return o, s.do(func() (err error) { o, err = s.Sink.Apply(ctx, changes); return err })
}

func (s sink) Prune(ctx context.Context, keep func(string) bool) error {
	return s.do(func() error { return s.Sink.Prune(ctx, keep) })
}

func (s sink) Digest(ctx context.Context, visit func(string, []byte) error) error {
	return s.do(func() error { return s.Sink.Digest(ctx, visit) })
}

func (s sink) Adopt(ctx context.Context, visit func(string, []byte) error) error {
	return s.do(func() error { return s.Sink.Adopt(ctx, visit) })
}

func (s sink) Refresh(ctx context.Context) error {
	return s.do(func() error { return s.Sink.Refresh(ctx) })
}

func (s sink) Commit(ctx context.Context) error {
	return s.do(func() error { return s.Sink.Commit(ctx) })
}
