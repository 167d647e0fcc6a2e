package endurance

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// chunk and pace make 8 MB a second. Data is then always on its way, and the system under test keeps its processor
	// time.
	chunk = 32 << 10
	pace  = 4 * time.Millisecond
)

// content returns the same endless sequence of bytes for the same seed. No part is like another, so lost, repeated,
// swapped or changed bytes are always detected.
func content(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

// source reads out content at a steady pace until finish is called.
type source struct {
	content  *rand.ChaCha8
	clock    *time.Ticker
	finished chan struct{}
	finish   func()
	sent     atomic.Uint64
}

func newSource(seed byte) *source {
	s := &source{content: content(seed), clock: time.NewTicker(pace), finished: make(chan struct{})}
	s.finish = sync.OnceFunc(func() {
		s.clock.Stop()
		close(s.finished)
	})
	return s
}

// Read returns the next bytes when they are due.
func (s *source) Read(p []byte) (int, error) {
	select {
	case <-s.finished:
		return 0, io.EOF
	case <-s.clock.C:
	}
	n, err := s.content.Read(p[:min(len(p), chunk)])
	s.sent.Add(uint64(n))
	return n, err
}

// sink compares what is written to it with the content, and refuses the first byte that differs.
type sink struct {
	progress
	content *rand.ChaCha8
	want    [chunk]byte
}

func newSink(seed byte) *sink { return &sink{content: content(seed)} }

func (s *sink) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		part := rest[:min(len(rest), len(s.want))]
		want := s.want[:len(part)]
		if _, err := s.content.Read(want); err != nil {
			return 0, err
		}
		if !bytes.Equal(part, want) {
			at := 0
			for part[at] == want[at] {
				at++
			}
			return 0, fmt.Errorf("byte %d differs from the one that was sent", s.received()+uint64(at))
		}
		s.add(uint64(len(part)))
		rest = rest[len(part):]
	}
	return len(p), nil
}
