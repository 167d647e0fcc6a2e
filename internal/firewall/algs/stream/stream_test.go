package stream

import (
	"bytes"
	"math"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// arrival is when all segments come in tests that are not about time.
var arrival = time.Unix(0, 0)

func TestStream(t *testing.T) {
	type segment struct {
		at   uint32
		text string
	}
	for name, c := range map[string]struct {
		segments []segment
		want     string
	}{
		"in order":            {[]segment{{1, "ab"}, {3, "cd"}}, "abcd"},
		"repeated":            {[]segment{{1, "ab"}, {1, "ab"}, {3, "cd"}, {1, "ab"}}, "abcd"},
		"overlapping":         {[]segment{{1, "abc"}, {2, "bcde"}}, "abcde"},
		"reordered":           {[]segment{{1, "a"}, {3, "c"}, {4, "d"}, {2, "b"}}, "abcd"},
		"a gap":               {[]segment{{1, "a"}, {3, "c"}}, "a"},
		"a keep-alive probe":  {[]segment{{1, "ab"}, {2, "b"}, {3, "c"}}, "abc"},
		"numbers that wrap":   {[]segment{{math.MaxUint32, "ab"}, {1, "c"}}, "abc"},
		"a waiting one twice": {[]segment{{1, "a"}, {3, "c"}, {3, "c"}, {2, "b"}}, "abc"},
	} {
		var s Stream
		for _, segment := range c.segments {
			s.Add(arrival, segment.at, []byte(segment.text))
		}
		if got := string(s.Bytes()); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestDiscard(t *testing.T) {
	var s Stream
	s.Add(arrival, 1, []byte("abcd"))
	s.Discard(2)
	if got := string(s.Bytes()); got != "cd" {
		t.Errorf("after 2 of 4 bytes: %q", got)
	}
	s.Discard(5)
	s.Add(arrival, 5, []byte("ef"))
	if len(s.Bytes()) != 0 || s.IsEmpty() {
		t.Errorf("1 byte to discard is left, but there is %q", s.Bytes())
	}
	s.Add(arrival, 7, []byte("gh"))
	if got := string(s.Bytes()); got != "h" {
		t.Errorf("after all were discarded: %q", got)
	}
	s.Discard(1)
	if !s.IsEmpty() {
		t.Error("the stream is not empty")
	}
}

func TestEdits(t *testing.T) {
	var s Stream
	s.Add(arrival, 100, []byte("xx"))
	s.Discard(2)
	s.Add(arrival, 102, []byte("say hello"))
	if !s.Edit(4, 2, []byte("HE"), 102, []byte("say hello")) {
		t.Error("the edit is refused")
	}
	for _, c := range []struct {
		at         uint32
		text, want string
	}{
		{102, "say hello", "say HEllo"},
		{106, "hello", "HEllo"},
		{107, "ello", "Ello"},
		{100, "xxsay h", "xxsay H"},
		{108, "llo", ""},
		{102, "say ", ""},
	} {
		if got := string(s.Edited(c.at, []byte(c.text))); got != c.want {
			t.Errorf("%q at %d is edited to %q, not %q", c.text, c.at, got, c.want)
		}
	}
	if s.Edit(0, 1, []byte("S"), 103, []byte("ay hello")) || s.Edit(8, 2, []byte("OO"), 102, []byte("say hello")) {
		t.Error("an edit outside of the segment is accepted")
	}
	for range maxEdits {
		s.Edit(0, 1, []byte("s"), 102, []byte("say hello"))
	}
	if got := string(s.Edited(102, []byte("say hello"))); len(s.edits) != maxEdits || got != "say hello" {
		t.Errorf("after %d further edits there are %d, and the text is %q", maxEdits, len(s.edits), got)
	}
}

// A unit that forwards a connection again has not seen what another one forwarded meanwhile.
func TestResumed(t *testing.T) {
	var s Stream
	begin := time.Unix(0, 0)
	add := func(after time.Duration, sequence uint32, text, want string) {
		t.Helper()
		s.Add(begin.Add(after), sequence, []byte(text))
		if got := string(s.Bytes()); got != want {
			t.Errorf("after %s: %q, want %q", after, got, want)
		}
		s.Discard(len(s.Bytes()))
	}
	add(0, 100, "first", "first")
	add(maxReordering, 110, "later", "")
	add(2*maxReordering, 105, "those", "thoselater")
	add(4*maxReordering, 200, "resumed", "resumed")
	add(4*maxReordering, 200+uint32(len("resumed"))+MaxBytes+1, "far ahead", "far ahead")
}

func TestBounds(t *testing.T) {
	var s Stream
	s.Add(arrival, 1, make([]byte, MaxBytes))
	s.Add(arrival, 1+MaxBytes, []byte("next"))
	if got := string(s.Bytes()); got != "next" {
		t.Errorf("a stream that became too long has %d bytes", len(got))
	}
	s.Add(arrival, 1+2*MaxBytes, make([]byte, MaxBytes-4))
	s.Add(arrival, 1+MaxBytes+8, []byte("after too much that waited"))
	if got := string(s.Bytes()); got != "after too much that waited" {
		t.Errorf("after too many bytes that waited: %d bytes", len(got))
	}
	s = Stream{}
	s.Add(arrival, 1, []byte("a"))
	for i := range uint32(maxWaiting) {
		s.Add(arrival, 10+2*i, []byte("b"))
	}
	s.Add(arrival, 5000, []byte("c"))
	if got := string(s.Bytes()); got != "c" {
		t.Errorf("after too many segments that waited: %q", got)
	}
}

// TestAnyOrder compares streams with the text that was cut into segments, which come in any order and repeatedly.
func TestAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(t, "text")
		first := rapid.Uint32().Draw(t, "first")
		var s Stream
		s.Add(arrival, first, text[:1])
		cut := func(from, to int) { s.Add(arrival, first+uint32(from), text[from:to]) }
		for range rapid.IntRange(0, 10).Draw(t, "extra") {
			from := rapid.IntRange(0, len(text)-1).Draw(t, "from")
			cut(from, rapid.IntRange(from, len(text)).Draw(t, "to"))
		}
		order := rapid.Permutation(indexes(len(text))).Draw(t, "bytes")
		for _, i := range order {
			cut(i, i+1)
		}
		if !bytes.Equal(s.Bytes(), text) {
			t.Fatalf("got % x, want % x", s.Bytes(), text)
		}
	})
}

func indexes(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

func key(port uint16) Key {
	return Key{Source: netip.AddrPortFrom(netip.IPv6Loopback(), port)}
}

func TestTable(t *testing.T) {
	var table Table[int]
	now := time.Unix(0, 0)
	*table.Get(key(1), now) = 7
	if got := *table.Get(key(1), now.Add(Lifetime-1)); got != 7 {
		t.Errorf("a value that was used lately: %d", got)
	}
	*table.Get(key(2), now.Add(Lifetime)) = 8
	if got := *table.Get(key(1), now.Add(2*Lifetime)); got != 0 || table.Len() != 1 {
		t.Errorf("a value that was not used for a lifetime: %d, of %d", got, table.Len())
	}
	table.Remove(key(1))
	if table.Len() != 0 {
		t.Errorf("%d values are left", table.Len())
	}
	for port := range uint16(MaxConnections) {
		*table.Get(key(port), now) = 1
	}
	table.Get(key(0), now)
	table.Get(key(MaxConnections), now)
	if *table.Get(key(0), now) != 1 || table.Len() != MaxConnections {
		t.Error("a full table forgot a connection that was used lately")
	}
	if *table.Get(key(1), now) != 0 {
		t.Error("a full table did not forget the connection that was used longest ago")
	}
}

func FuzzStream(f *testing.F) {
	f.Add(uint32(1), []byte("abc"), uint32(5), []byte("e"), 2)
	f.Fuzz(func(t *testing.T, first uint32, a []byte, second uint32, b []byte, discard int) {
		var s Stream
		s.Add(arrival, first, a)
		s.Add(arrival, second, b)
		s.Discard(max(discard, 0))
		s.Add(arrival, first, b)
		if len(s.Bytes())+s.waitingBytes() > MaxBytes+len(b) {
			t.Errorf("%d bytes are kept", len(s.Bytes())+s.waitingBytes())
		}
	})
}
