package heartbeat

import (
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hapair-io/hapair/internal/ha"
)

// anyMessage returns a generator of messages.
func anyMessage() *rapid.Generator[Message] {
	return rapid.Custom(func(t *rapid.T) Message {
		m := Message{
			Acknowledgement: rapid.Bool().Draw(t, "acknowledgement"),
			Term:            rapid.Uint64().Draw(t, "term"),
			Sequence:        rapid.Uint64().Draw(t, "sequence"),
			Grant:           time.Duration(rapid.Int64Range(0, int64(maxGrant)).Draw(t, "grant")),
			Ready:           rapid.Bool().Draw(t, "ready"),
			Fenced:          rapid.Bool().Draw(t, "fenced"),
			Health: ha.Health{
				Firewall: rapid.Bool().Draw(t, "firewall"),
				Links:    rapid.Uint16().Draw(t, "links"),
				Probes:   rapid.Uint16().Draw(t, "probes"),
				Judged:   rapid.Uint16().Draw(t, "judged"),
				Unheld:   rapid.Uint16().Draw(t, "unheld"),
			},
		}
		return m
	})
}

func TestMessagesReadBackEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyMessage().Draw(t, "message")
		b, err := want.append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := decodeMessage(b); err != nil || got != want {
			t.Fatalf("got %+v, %v, want %+v", got, err, want)
		}
	})
}

// example has a different value in each field.
var example = Message{
	Acknowledgement: true, Term: 7, Sequence: 9, Grant: 500 * time.Millisecond, Ready: true,
	Health: ha.Health{Firewall: true, Links: 3, Probes: 0x8001, Judged: 0xc001, Unheld: 2},
}

// TestFormatIsStable fails when the encoding differs from that of released units.
func TestFormatIsStable(t *testing.T) {
	tail := strings.Repeat("00", reservedSize)
	const number = "0000000000000007" + "0000000000000009" + "000000001dcd6500" +
		"0003" + "8001" + "c001" + "0002"
	for flags, m := range map[string]Message{
		"07": example,
		"01": func(m Message) Message { m.Ready, m.Health.Firewall = false, false; return m }(example),
		"02": func(m Message) Message { m.Acknowledgement, m.Health.Firewall = false, false; return m }(example),
		"04": func(m Message) Message { m.Acknowledgement, m.Ready = false, false; return m }(example),
		"0c": func(m Message) Message { m.Acknowledgement, m.Ready, m.Fenced = false, false, true; return m }(example),
	} {
		b, err := m.append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := hex.EncodeToString(b), flags+number+tail; got != want || len(b) != messageSize {
			t.Errorf("got %d bytes\n%s, want %d\n%s", len(b), got, messageSize, want)
		}
	}
}

// TestReservedBytesAreIgnored decodes what earlier releases send, with a sync position and a hash at the end.
func TestReservedBytesAreIgnored(t *testing.T) {
	b, err := example.append(nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := contentSize; i < messageSize; i++ {
		b[i] = byte(i)
	}
	if got, err := decodeMessage(b); err != nil || got != example {
		t.Errorf("got %+v, %v, want %+v", got, err, example)
	}
}

func TestInvalidMessagesAreRefused(t *testing.T) {
	for _, grant := range []time.Duration{-1, maxGrant + 1, math.MaxInt64, math.MinInt64} {
		m := Message{Grant: grant}
		if b, err := m.append(nil); !errors.Is(err, errMessage) || len(b) != 0 {
			t.Errorf("a grant of %s is encoded in %d bytes, %v", grant, len(b), err)
		}
	}
	good, err := example.append(nil)
	if err != nil {
		t.Fatal(err)
	}
	with := func(at int, value byte) []byte {
		b := append([]byte(nil), good...)
		b[at] = value
		return b
	}
	for name, b := range map[string][]byte{
		"nothing":           {},
		"a byte too few":    good[:messageSize-1],
		"a byte too many":   append(good[:messageSize:messageSize], 0),
		"an unknown flag":   with(0, 0x10),
		"a very long grant": with(17, 1),
		"a negative grant":  with(17, 0xff),
	} {
		if m, err := decodeMessage(b); !errors.Is(err, errMessage) || m != (Message{}) {
			t.Errorf("%s is %+v, %v", name, m, err)
		}
	}
}

func FuzzDecodeMessage(f *testing.F) {
	good, err := example.append(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(make([]byte, messageSize))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := decodeMessage(b)
		if err != nil {
			if !errors.Is(err, errMessage) || m != (Message{}) {
				t.Fatalf("got %+v, %v", m, err)
			}
			return
		}
		if again, err := m.append(nil); err != nil || string(again[:contentSize]) != string(b[:contentSize]) {
			t.Fatalf("%+v is written as %x, %v, and was %x", m, again, err, b)
		}
	})
}
