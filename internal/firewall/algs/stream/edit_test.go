package stream

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestCanEdit(t *testing.T) {
	var s Stream
	s.Add(arrival, 100, []byte("to "))
	payload := []byte("192.0.2.1 and more")
	s.Add(arrival, 103, payload)
	for name, c := range map[string]struct {
		offset, length int
		keepsLength    bool
		want           bool
	}{
		"in the segment":                  {3, 9, false, true},
		"begun before":                    {0, 12, false, false},
		"begun before, of equal length":   {0, 12, true, false},
		"beyond the segment":              {3, len(payload) + 1, true, false},
		"the whole segment, equal length": {3, len(payload), true, true},
	} {
		if got := s.CanEdit(c.offset, c.length, c.keepsLength, 103, payload); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	if !s.Edit(3, 9, []byte("198.51.100.1"), 103, payload) {
		t.Fatal("the edit is refused")
	}
	if s.CanEdit(13, 3, false, 103, payload) {
		t.Error("a second change of the length is accepted in one segment")
	}
	if !s.CanEdit(13, 3, true, 103, payload) {
		t.Error("a second edit that keeps the length is refused")
	}
	s = Stream{}
	s.Add(arrival, 100, []byte("first"))
	s.Add(arrival, 110, []byte("later"))
	if s.CanEdit(0, 5, false, 100, []byte("first")) {
		t.Error("the length can change although later bytes have passed")
	}
}

// TestEditedLengths sends a text in segments that are cut and repeated in any way. The receiver gets the edited text if
// the sequence numbers behind the edit are adjusted as the kernel does it.
func TestEditedLengths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.SliceOfN(rapid.ByteRange('a', 'z'), 2, 30)
		text, instead := letters.Draw(t, "text"), rapid.SliceOfN(rapid.ByteRange('A', 'Z'), 1, 12).Draw(t, "instead")
		begin := rapid.IntRange(0, len(text)-2).Draw(t, "begin")
		end := rapid.IntRange(begin+1, len(text)-1).Draw(t, "end")
		first := rapid.Uint32Max(1<<31).Draw(t, "first")
		want := slices.Concat(text[:begin], instead, text[end:])

		var s Stream
		s.Add(arrival, first, text)
		if !s.Edit(begin, end-begin, instead, first, text) {
			t.Fatal("the edit is refused")
		}
		last := s.LastKept(begin, end-begin, len(instead))
		var received []byte
		send := func(from, to int) {
			payload := s.Edited(first+uint32(from), text[from:to])
			if payload == nil {
				payload = text[from:to]
			}
			at := from
			if first+uint32(from) > last {
				at += len(instead) - (end - begin)
			}
			if len(payload) > 0 && at <= len(received) && at+len(payload) > len(received) {
				received = append(received, payload[len(received)-at:]...)
			}
		}
		for range rapid.IntRange(0, 6).Draw(t, "segments") {
			from := rapid.IntRange(0, len(text)-1).Draw(t, "from")
			send(from, rapid.IntRange(from+1, len(text)).Draw(t, "to"))
		}
		for range text { // The sender repeats what is not acknowledged, in small segments.
			acknowledged := len(received)
			if first+uint32(acknowledged) > last {
				acknowledged -= len(instead) - (end - begin)
			}
			acknowledged = max(acknowledged, 0)
			if acknowledged >= len(text) {
				break
			}
			send(acknowledged, min(acknowledged+3, len(text)))
		}
		if !bytes.Equal(received, want) {
			t.Fatalf("received %q, want %q", received, want)
		}
	})
}
