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

// pair are the keys of two units, as each of them has them.
func pair(n byte) (a, b Keys) {
	a = Keys{ID: KeyID{n, 2, 3, 4, 5, 6, 7, 8}}
	for i := range a.Send {
		a.Send[i], a.Receive[i] = byte(i), byte(i)+n
	}
	return a, Keys{ID: a.ID, Send: a.Receive, Receive: a.Send}
}

// ends are a unit that seals, and its peer, which opens.
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

// changed is a copy of a datagram with one byte changed.
func changed(datagram []byte, at int, by byte) []byte {
	other := slices.Clone(datagram)
	other[at] ^= by
	return other
}

// TestFormatStands fails when a datagram looks different from what units in the field send.
func TestFormatStands(t *testing.T) {
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
		if payload, refusal := opener.Open(nil, datagram); string(payload) != "payload" || refusal != Taken {
			t.Errorf("datagram %d says %q, %s", i+1, payload, refusal)
		}
	}
}

func TestEveryDatagramIsTakenOnceInAnyOrder(t *testing.T) {
	sealer, opener := ends(t)
	var datagrams [][]byte
	for i := range 100 {
		datagrams = append(datagrams, sealed(t, sealer, fmt.Sprint("payload ", i)))
	}
	for _, want := range []Refusal{Taken, RefusedReplay} {
		for i := range datagrams {
			i ^= 3
			if i%10 == 5 {
				continue // lost
			}
			payload, refusal := opener.Open(nil, datagrams[i])
			if refusal != want {
				t.Fatalf("datagram %d: %s, want %s", i, refusal, want)
			}
			if want == Taken && string(payload) != fmt.Sprint("payload ", i) {
				t.Fatalf("datagram %d says %q", i, payload)
			}
		}
	}
	if _, refusal := opener.Open(nil, datagrams[5]); refusal != Taken {
		t.Errorf("a datagram that is late is refused: %s", refusal)
	}
}

func TestNothingElseIsOpened(t *testing.T) {
	sealer, opener := ends(t)
	genuine := sealed(t, sealer, "payload")
	mine, _ := pair(1)
	strange, _ := pair(9)
	strange.ID, strange.Send = mine.ID, Secret{1}
	for name, c := range map[string]struct {
		opener   *Opener
		datagram []byte
		want     Refusal
	}{
		"of no bytes":             {opener, nil, RefusedSize},
		"shorter than any":        {opener, genuine[:Overhead-1], RefusedSize},
		"without its end":         {opener, genuine[:len(genuine)-1], RefusedSeal},
		"with something behind":   {opener, append(slices.Clone(genuine), 0), RefusedSeal},
		"of another version":      {opener, changed(genuine, 0, 2), RefusedVersion},
		"under another key":       {opener, changed(genuine, keyOffset, 1), RefusedKey},
		"of a counter of nobody":  {opener, changed(genuine, headerSize-1, 1), RefusedReplay}, // 0
		"of another counter":      {opener, changed(genuine, headerSize-1, 2), RefusedSeal},
		"of a far counter":        {opener, changed(genuine, counterOffset, 1), RefusedSeal},
		"with another payload":    {opener, changed(genuine, headerSize, 1), RefusedSeal},
		"with another tag":        {opener, changed(genuine, len(genuine)-1, 1), RefusedSeal},
		"of a stranger":           {opener, sealed(t, newSealer(t, strange), "payload"), RefusedSeal},
		"back where it came from": {newOpener(t, mine), genuine, RefusedSeal},
	} {
		if payload, refusal := c.opener.Open(nil, c.datagram); refusal != c.want || payload != nil {
			t.Errorf("a datagram %s: %s, want %s", name, refusal, c.want)
		}
	}
	// Nothing of it moved the window, not even the counter from far ahead.
	if payload, refusal := opener.Open(nil, genuine); refusal != Taken || string(payload) != "payload" {
		t.Errorf("afterwards the genuine datagram is %q, %s", payload, refusal)
	}
}

func TestKeyThatSealedAllItMayIsExhausted(t *testing.T) {
	sealer, opener := ends(t)
	sealer.counter = lastCounter - 1
	if _, refusal := opener.Open(nil, sealed(t, sealer, "last")); refusal != Taken {
		t.Errorf("the last datagram is refused: %s", refusal)
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

func TestRefusalsHaveNames(t *testing.T) {
	names := map[string]bool{Taken.String(): true}
	for _, r := range Refusals() {
		names[r.String()] = true
	}
	if len(names) != len(refusals) || len(Refusals()) != len(refusals)-1 {
		t.Errorf("names are %v", names)
	}
	if got := Refusal(99).String(); got != "Refusal(99)" {
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
		if _, refusal := opener.Open(opened, d); refusal != Taken {
			t.Fatal(refusal)
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
		payload, refusal := opener.Open(nil, datagram)
		if (refusal == Taken) != (string(datagram) == string(genuine)) || (refusal == Taken) != (payload != nil) {
			t.Fatalf("%x is taken: %s", datagram, refusal)
		}
		if _, again := opener.Open(nil, genuine); (again == Taken) == (refusal == Taken) {
			t.Fatalf("after %x the genuine datagram is %s", datagram, again)
		}
	})
}
