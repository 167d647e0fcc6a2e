package pair

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/state"
)

// recording writes everything that a class gives to the stream into a file: the keys and records of changes, before
// they are encrypted. A test looks for what must not be there.
type recording struct {
	class.Source
	mu   sync.Mutex
	file *os.File
}

// recorded returns the class with a source that is recorded.
func recorded(c class.Class, path string) (class.Class, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return c, err
	}
	closeClass := c.Close
	c.Source = &recording{Source: c.Source, file: file}
	c.Close = func() error {
		if err := file.Close(); err != nil || closeClass == nil {
			return err
		}
		return closeClass()
	}
	return c, nil
}

// write appends changes.
func (r *recording) write(changes []state.Change) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b bytes.Buffer
	for _, c := range changes {
		b.WriteString(c.Key)
		b.Write(c.Record)
	}
	_, err := r.file.Write(b.Bytes())
	return err
}

// Watch records what the watch returns.
func (r *recording) Watch() (class.Watch, error) {
	w, err := r.Source.Watch()
	return &recordedWatch{Watch: w, recording: r}, err
}

// Snapshot records what the snapshot emits.
func (r *recording) Snapshot(ctx context.Context, emit func([]state.Change) error) error {
	return r.Source.Snapshot(ctx, func(changes []state.Change) error {
		if err := r.write(changes); err != nil {
			return err
		}
		return emit(changes)
	})
}

type recordedWatch struct {
	class.Watch
	recording *recording
}

// Receive records what it returns.
func (w *recordedWatch) Receive(ctx context.Context) (class.Batch, error) {
	b, err := w.Watch.Receive(ctx)
	if err == nil {
		err = w.recording.write(b.Changes)
	}
	return b, err
}

// Recorded returns what the unit gave to the stream so far. The pair must have been started with Options.Record.
func (p *Pair) Recorded(u *Unit) []byte {
	p.t.Helper()
	text, err := os.ReadFile(p.recordingOf(u.Name))
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

func (p *Pair) recordingOf(unit string) string { return filepath.Join(p.directory, unit, "stream") }
