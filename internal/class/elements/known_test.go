package elements

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/nftables"
)

func element(key byte, timeout, remaining time.Duration) nftables.Element {
	return nftables.Element{Key: []byte{key}, Timeout: timeout, Remaining: remaining}
}

// An element is news if it is new, has another value, or ends more than an eighth of its timeout earlier or later.
func TestCompareReturnsNews(t *testing.T) {
	k, now := known{}, time.Unix(1000, 0)
	compare := func(elements ...nftables.Element) (keys string, gone []string) {
		news, gone := k.of("s").compare(elements, now)
		for _, e := range news {
			keys += string('0' + rune(e.Key[0]))
		}
		return keys, gone
	}
	expect := func(what, want string, elements ...nftables.Element) {
		t.Helper()
		if got, gone := compare(elements...); got != want || len(gone) > 0 {
			t.Errorf("%s: news are %q, gone %q; want %q", what, got, gone, want)
		}
	}
	expect("all are new", "12", element(1, 0, 0), element(2, 80*time.Second, 80*time.Second))
	now = now.Add(9 * time.Second)
	expect("time passed", "", element(1, 0, 0), element(2, 80*time.Second, 71*time.Second))
	expect("moved by an eighth", "", element(1, 0, 0), element(2, 80*time.Second, 80*time.Second))
	now = now.Add(2 * time.Second)
	expect("moved by more", "2", element(1, 0, 0), element(2, 80*time.Second, 80*time.Second))
	expect("another timeout", "2", element(1, 0, 0), element(2, 60*time.Second, 60*time.Second))
	changed := element(1, 0, 0)
	changed.Value = []byte{1}
	expect("another value", "1", changed, element(2, 60*time.Second, 60*time.Second))
	now = now.Add(time.Minute)
	expect("the end of its time", "", changed)
	expect("a listing that misses one", "")
	expect("and has it again", "", changed)
	expect("again", "")
	if _, gone := compare(); !slices.Equal(gone, []string{"\x01"}) {
		t.Errorf("gone are %q", gone)
	}
	expect("gone is reported once", "")
}

// Elements whose time has ended take no memory for long.
func TestEndedElementsAreForgotten(t *testing.T) {
	k, now := known{}, time.Unix(1000, 0)
	for i := range 100_000 {
		now = now.Add(time.Millisecond)
		k.of("s").note(nftables.Element{
			Key: binary.BigEndian.AppendUint32(nil, uint32(i)), Timeout: time.Second, Remaining: time.Second,
		}, now)
	}
	if n := len(k.of("s").elements); n > 3*minSweep {
		t.Errorf("%d elements are known, of which 1,000 have not ended", n)
	}
}

func TestWaitingElementsAreBounded(t *testing.T) {
	w, now := waiting{}, time.Unix(1000, 0)
	for i := range maxWaiting {
		life := time.Duration(i%2) * time.Minute
		if !w.add(string(binary.BigEndian.AppendUint32(nil, uint32(i))), "s", element(1, life, life), now) {
			t.Fatalf("no capacity for element %d", i)
		}
	}
	if w.add("more", "s", element(1, 0, 0), now) {
		t.Error("an element above the bound was accepted")
	}
	now = now.Add(20 * time.Second)
	if got := w["\x00\x00\x00\x01"].at(now); got.Remaining != 40*time.Second {
		t.Errorf("20 s later, %+v is left", got)
	}
	if now = now.Add(time.Minute); !w.add("more", "s", element(1, 0, 0), now) || len(w) != maxWaiting/2+1 {
		t.Errorf("%d elements wait after half of them ended", len(w))
	}
}
