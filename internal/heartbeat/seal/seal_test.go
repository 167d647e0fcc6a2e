package seal

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// pair returns the keys of two units.
func pair(n byte) (a, b Keys) {
	a = Keys{ID: KeyID{n, 2, 3, 4, 5, 6, 7, 8}}
	for i := range a.Send {
		a.Send[i], a.Receive[i] = byte(i), byte(i)+n
	}
	return a, Keys{ID: a.ID, Send: a.Receive, Receive: a.Send}
}

// ends returns the sealer of a unit and the opener of its peer.
func ends(t testing.TB) (*Sealer, *Opener) {
	t.Helper()
	a, b := pair(1)
	return newSealer(t, a), newOpener(t, b)
}

func newSealer(t testing.TB, k Keys) *Sealer {
	t.Helper()
	s, err := NewSealer(k)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newOpener(t testing.TB, k Keys) *Opener {
	t.Helper()
	o, err := NewOpener(k)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func sealed(t testing.TB, s *Sealer, payload string) []byte {
	t.Helper()
	datagram, err := s.Seal(nil, []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return datagram
}

// changed returns a copy of a datagram with one byte changed.
func changed(datagram []byte, at int, by byte) []byte {
	other := slices.Clone(datagram)
	other[at] ^= by
	return other
}

// TestFormatIsStable fails when a datagram differs from those of released units.
func TestFormatIsStable(t *testing.T) {
	sealer, opener := ends(t)
	for i, want := range []string{
		"01" + "0102030405060708" + "0000000000000001" +
			"65b7c6902b9554" + "1684d8f88d7f3975c31ea0242cf2dc23",
		"01" + "0102030405060708" + "0000000000000002" +
			"b9105711db2abe" + "273dfd8166b79e76bab060e3726716c3",
	} {
		datagram := sealed(t, sealer, "payload")
		if got := hex.EncodeToString(datagram); got != want {
			t.Errorf("datagram %d is\n%s, want\n%s", i+1, got, want)
		}
		if len(datagram) != Overhead+len("payload") {
			t.Errorf("the overhead is %d, want %d", len(datagram)-len("payload"), Overhead)
		}
		if payload, reason := opener.Open(nil, datagram); string(payload) != "payload" || reason != Accepted {
			t.Errorf("datagram %d says %q, %s", i+1, payload, reason)
		}
	}
}

func TestEveryDatagramIsAcceptedOnceInAnyOrder(t *testing.T) {
	sealer, opener := ends(t)
	var datagrams [][]byte
	for i := range 100 {
		datagrams = append(datagrams, sealed(t, sealer, fmt.Sprint("payload ", i)))
	}
	for _, want := range []DropReason{Accepted, DropReplay} {
		for i := range datagrams {
			i ^= 3
			if i%10 == 5 {
				continue // It is lost.
			}
			payload, reason := opener.Open(nil, datagrams[i])
			if reason != want {
				t.Fatalf("datagram %d: %s, want %s", i, reason, want)
			}
			if want == Accepted && string(payload) != fmt.Sprint("payload ", i) {
				t.Fatalf("datagram %d says %q", i, payload)
			}
		}
	}
	if _, reason := opener.Open(nil, datagrams[5]); reason != Accepted {
		t.Errorf("a late datagram is dropped: %s", reason)
	}
}

func TestOtherDatagramsAreDropped(t *testing.T) {
	sealer, opener := ends(t)
	genuine := sealed(t, sealer, "payload")
	mine, _ := pair(1)
	strange, _ := pair(9)
	strange.ID, strange.Send = mine.ID, Secret{1}
	for name, c := range map[string]struct {
		opener   *Opener
		datagram []byte
		want     DropReason
	}{
		"of no bytes":             {opener, nil, DropSize},
		"shorter than any":        {opener, genuine[:Overhead-1], DropSize},
		"without its end":         {opener, genuine[:len(genuine)-1], DropSeal},
		"with an appended byte":   {opener, append(slices.Clone(genuine), 0), DropSeal},
		"of another version":      {opener, changed(genuine, 0, 2), DropVersion},
		"under another key":       {opener, changed(genuine, KeyOffset, 1), DropKey},
		"of counter zero":         {opener, changed(genuine, headerSize-1, 1), DropReplay}, // 0
		"of another counter":      {opener, changed(genuine, headerSize-1, 2), DropSeal},
		"of a far counter":        {opener, changed(genuine, counterOffset, 1), DropSeal},
		"with another payload":    {opener, changed(genuine, headerSize, 1), DropSeal},
		"with another tag":        {opener, changed(genuine, len(genuine)-1, 1), DropSeal},
		"of a stranger":           {opener, sealed(t, newSealer(t, strange), "payload"), DropSeal},
		"back where it came from": {newOpener(t, mine), genuine, DropSeal},
	} {
		if payload, reason := c.opener.Open(nil, c.datagram); reason != c.want || payload != nil {
			t.Errorf("a datagram %s: %s, want %s", name, reason, c.want)
		}
	}
	// Nothing of it moved the window, not even the counter from far ahead.
	if payload, reason := opener.Open(nil, genuine); reason != Accepted || string(payload) != "payload" {
		t.Errorf("afterwards the genuine datagram is %q, %s", payload, reason)
	}
}

func TestKeyIsExhaustedAfterTheLastCounter(t *testing.T) {
	sealer, opener := ends(t)
	sealer.counter = lastCounter - 1
	if _, reason := opener.Open(nil, sealed(t, sealer, "last")); reason != Accepted {
		t.Errorf("the last datagram is dropped: %s", reason)
	}
	for range 2 {
		if datagram, err := sealer.Seal(nil, []byte("one more")); !errors.Is(err, ErrExhausted) || datagram != nil {
			t.Errorf("got a datagram of %d bytes, %v", len(datagram), err)
		}
	}
}

func TestKeysOfBothDirectionsDiffer(t *testing.T) {
	same := Keys{Send: Secret{1}, Receive: Secret{1}}
	for _, k := range []Keys{{}, same} {
		if _, err := NewSealer(k); err == nil {
			t.Error("a sealer was made")
		}
		if _, err := NewOpener(k); err == nil {
			t.Error("an opener was made")
		}
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	k := Keys{ID: KeyID{0xab}, Send: Secret{0xfe, 0xdc}, Receive: Secret{0xba, 0x98}}
	text, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{string(text)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		shown = append(shown, fmt.Sprintf(verb, k), fmt.Sprintf(verb, &k), fmt.Sprintf(verb, k.Send))
	}
	for _, s := range shown {
		lower := strings.ToLower(s)
		for _, secret := range []string{"fedc", "254", "0xfe", "ba98", "186"} {
			if strings.Contains(lower, secret) {
				t.Errorf("%q shows a key", s)
			}
		}
		if !strings.Contains(s, hidden) {
			t.Errorf("%q does not say that there is a key", s)
		}
	}
}

func TestDropReasonsHaveNames(t *testing.T) {
	names := map[string]bool{Accepted.String(): true}
	for _, r := range AllDropReasons() {
		names[r.String()] = true
	}
	if len(names) != len(dropReasons) || len(AllDropReasons()) != len(dropReasons)-1 {
		t.Errorf("names are %v", names)
	}
	if got := DropReason(99).String(); got != "DropReason(99)" {
		t.Errorf("got %s", got)
	}
}

func TestSealingAndOpeningAllocatesNothing(t *testing.T) {
	sealer, opener := ends(t)
	payload, datagram, opened := make([]byte, 64), make([]byte, 0, 128), make([]byte, 0, 64)
	allocations := testing.AllocsPerRun(100, func() {
		d, err := sealer.Seal(datagram, payload)
		if err != nil {
			t.Fatal(err)
		}
		if _, reason := opener.Open(opened, d); reason != Accepted {
			t.Fatal(reason)
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations a datagram", allocations)
	}
}

func FuzzOpen(f *testing.F) {
	sealer, _ := ends(f)
	genuine := sealed(f, sealer, "payload")
	f.Add(genuine)
	f.Add(genuine[:Overhead])
	f.Add(changed(genuine, 0, 1))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, datagram []byte) {
		_, opener := ends(t)
		payload, reason := opener.Open(nil, datagram)
		if (reason == Accepted) != (string(datagram) == string(genuine)) || (reason == Accepted) != (payload != nil) {
			t.Fatalf("%x is taken: %s", datagram, reason)
		}
		if _, again := opener.Open(nil, genuine); (again == Accepted) == (reason == Accepted) {
			t.Fatalf("after %x the genuine datagram is %s", datagram, again)
		}
	})
}
