package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/replication/peer"
)

// deferrable is a source with only deferrable changes.
type deferrable struct{ class.Source }

func (c deferrable) Watch() (class.Watch, error) {
	w, err := c.Source.Watch()
	return deferrableWatch{w}, err
}

type deferrableWatch struct{ class.Watch }

func (w deferrableWatch) Receive(ctx context.Context) (class.Batch, error) {
	batch, err := w.Watch.Receive(ctx)
	batch.Deferrable = true
	return batch, err
}

func TestDeferrableChangesAreSentTogether(t *testing.T) {
	allDeferrable := func(c *Config) { c.Classes[0].Source = deferrable{c.Classes[0].Source} }
	paired(t, allDeferrable, func(t *testing.T, b *bed) {
		time.Sleep(peer.PingInterval / 2) // between two pings, since each sends what waits
		before := b.primary.SyncPosition()
		for i := range 10 {
			fill(b.primary.memory, string(rune('a'+i)), 10)
			synctest.Wait()
			if equal(b.primary, b.secondary) {
				t.Fatal("a deferrable change was sent at once")
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
			t.Errorf("changes were not flushed, %v", err)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("a flush waited %s for deferrable changes", took)
		}
	})
}
