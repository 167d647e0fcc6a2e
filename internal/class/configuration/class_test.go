package configuration

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/classtest"
	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/state"
)

func TestContract(t *testing.T) {
	classtest.Run(t, func(t *testing.T) classtest.Pair {
		active, standby := New(), New()
		version := 0
		return classtest.Pair{
			Active: active.Class(), Standby: standby.Class(), Coalesces: true,
			Put: func(i int) {
				version++
				whole := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(version)))
				p := part{whole: whole, number: i, of: i + 1, text: []byte("text")}
				if err := active.table.Put(table.Entry{Key: p.key(), Value: p.record()}); err != nil {
					t.Fatal(err)
				}
			},
			Remove: func(i int) {
				if err := active.table.Delete(keyOf(i)); err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}

func publish(t *testing.T, c *Configuration, text []byte) {
	t.Helper()
	if err := c.Publish(text); err != nil {
		t.Fatal(err)
	}
}

// carry sends what an active publishes to a standby, as the engine does.
func carry(t *testing.T, w class.Watch, standby *Configuration) (changes int) {
	t.Helper()
	w.Drain()
	batch, err := w.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	classtest.Apply(t, standby.Class(), batch.Changes)
	return len(batch.Changes)
}

// Documents of any size arrive unchanged, and each replaces a longer or shorter one.
func TestDocumentArrives(t *testing.T) {
	active, standby := New(), New()
	w := classtest.Watch(t, active.Class())
	for _, size := range []int{10, 0, partBytes, partBytes + 1, 5 * partBytes, 3, document.MaxBytes, 2 * partBytes} {
		text := bytes.Repeat([]byte{byte(size)}, size)
		publish(t, active, text)
		carry(t, w, standby)
		if got, whole := standby.Document(); !whole || !bytes.Equal(got, text) {
			t.Fatalf("%d bytes: got %d, whole %v", size, len(got), whole)
		}
		select {
		case <-standby.Received():
		default:
			t.Errorf("%d bytes: no change was reported", size)
		}
	}
}

// While parts are missing, neither the new document nor the old one is returned.
func TestPartialDocumentIsNotReturned(t *testing.T) {
	active, standby := New(), New()
	publish(t, active, bytes.Repeat([]byte("a"), 2*partBytes))
	w := classtest.Watch(t, active.Class())
	publish(t, active, bytes.Repeat([]byte("b"), 2*partBytes))
	batch, err := w.Receive(t.Context())
	if err != nil || len(batch.Changes) != 2 {
		t.Fatalf("got %d changes, %v", len(batch.Changes), err)
	}
	for i, change := range batch.Changes {
		if _, err := standby.Class().Sink.Apply(t.Context(), []state.Change{change}); err != nil {
			t.Fatal(err)
		}
		if _, whole := standby.Document(); whole != (i == 1) {
			t.Errorf("after %d of 2 parts: whole %v", i+1, whole)
		}
	}
}

// A document that the standby already has is not sent.
func TestPublishingAgainSendsNothing(t *testing.T) {
	active, standby := New(), New()
	w := classtest.Watch(t, active.Class())
	text := bytes.Repeat([]byte("a"), 3*partBytes)
	publish(t, active, text)
	if n := carry(t, w, standby); n != 3 {
		t.Errorf("%d changes for 3 parts", n)
	}
	publish(t, active, bytes.Clone(text))
	if n := carry(t, w, standby); n != 0 {
		t.Errorf("%d changes for a document that the standby has", n)
	}
	w = classtest.Watch(t, standby.Class())
	publish(t, standby, text)
	if n := carry(t, w, active); n != 0 {
		t.Errorf("%d changes for a received document", n)
	}
}

// A malformed part is refused and changes nothing.
func TestMalformedPartsAreRefused(t *testing.T) {
	good := split(bytes.Repeat([]byte("a"), 2*partBytes+1))
	for name, change := range map[string]struct{ key, record string }{
		"an empty record":     {keyOf(0), ""},
		"no text":             {keyOf(0), string(good[0].record()[:headerBytes])},
		"a truncated header":  {keyOf(0), string(good[0].record()[:headerBytes-1])},
		"the key of another":  {keyOf(1), string(good[0].record())},
		"too much text":       {keyOf(2), string(good[2].record()) + string(bytes.Repeat([]byte("a"), partBytes))},
		"a count of zero":     {keyOf(0), string(part{}.record())},
		"too large a count":   {keyOf(0), string(part{of: maxParts + 1, text: good[0].text}.record())},
		"a number past count": {keyOf(3), string(part{number: 3, of: 3}.record())},
	} {
		t.Run(name, func(t *testing.T) {
			c := New()
			bad := state.Change{
				Class: state.Configuration, Op: state.Upsert, Key: change.key, Record: []byte(change.record),
			}
			outcome, err := c.Class().Sink.Apply(t.Context(), []state.Change{bad})
			if err != nil || outcome.Refused[class.Malformed] != 1 || c.table.Len() != 0 {
				t.Errorf("%v refused (%v, %v), %d parts", outcome.Refused, outcome.Err, err, c.table.Len())
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, p := range split([]byte("document")) {
		f.Add(p.key(), p.record())
	}
	f.Add("", []byte{})
	f.Fuzz(func(t *testing.T, key string, record []byte) {
		p, err := parse(key, record)
		if err != nil {
			return
		}
		if !bytes.Equal(p.record(), record) || p.key() != key {
			t.Errorf("%x under %x became %x under %x", record, key, p.record(), p.key())
		}
		join(map[int]part{p.number: p})
	})
}
