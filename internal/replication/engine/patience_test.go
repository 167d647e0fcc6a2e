package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/replication/peer"
)

// unhurried is a source all of whose changes may wait.
type unhurried struct{ class.Source }

func (c unhurried) Watch() (class.Watch, error) {
	w, err := c.Source.Watch()
	return unhurriedWatch{w}, err
}

type unhurriedWatch struct{ class.Watch }

func (w unhurriedWatch) Receive(ctx context.Context) (class.Batch, error) {
	batch, err := w.Watch.Receive(ctx)
	batch.Deferrable = true
	return batch, err
}

func TestPatientChangesGoTogether(t *testing.T) {
	patiently := func(c *Config) { c.Classes[0].Source = unhurried{c.Classes[0].Source} }
	paired(t, patiently, func(t *testing.T, b *bed) {
		time.Sleep(peer.PingInterval / 2) // between two signs of life, for each takes along what waits
		before := b.primary.SyncPosition()
		for i := range 10 {
			fill(b.primary.memory, string(rune('a'+i)), 10)
			synctest.Wait()
			if equal(b.primary, b.secondary) {
				t.Fatal("a change that may wait was sent at once")
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(peer.DeferDelay)
		synctest.Wait()
		if !equal(b.primary, b.secondary) {
			t.Errorf("the changes waited longer than %s", peer.DeferDelay)
		}
		if frames := b.primary.SyncPosition() - before; frames != 1 {
			t.Errorf("%d frames, want 1", frames)
		}
		fill(b.primary.memory, "flushed", 10)
		start := time.Now()
		if err := b.primary.Flush(deadline(t)); err != nil || !equal(b.primary, b.secondary) {
			t.Errorf("a flush left changes behind, %v", err)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("a flush waited %s for changes that may wait", took)
		}
	})
}
