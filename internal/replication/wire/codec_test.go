package wire

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hapair-io/hapair/internal/state"
)

// anyAddress draws an address of either family.
func anyAddress(t *rapid.T) netip.Addr {
	size := rapid.SampledFrom([]int{4, 16}).Draw(t, "size")
	address, _ := netip.AddrFromSlice(rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "address"))
	return address
}

// anyFrame draws a frame of any kind.
func anyFrame() *rapid.Generator[Frame] {
	number, class := rapid.Uint64(), rapid.Map(rapid.Uint8(), func(n uint8) state.Class { return state.Class(n) })
	text := rapid.StringN(0, 60, maxText)
	return rapid.Custom(func(t *rapid.T) Frame {
		n := func(name string) uint64 { return number.Draw(t, name) }
		switch kind := Kind(rapid.IntRange(int(KindHello), int(lastKind)).Draw(t, "kind")); kind {
		case KindHello:
			return &Hello{
				Version: rapid.Uint16().Draw(t, "version"), OldestVersion: rapid.Uint16().Draw(t, "oldest"),
				Pair: text.Draw(t, "pair"), Namespace: text.Draw(t, "namespace"), Unit: text.Draw(t, "unit"),
				Incarnation: text.Draw(t, "incarnation"), Classes: rapid.SliceOfN(class, 1, maxClasses).Draw(t, "classes"),
			}
		case KindRole:
			return &RoleChange{Role: Role(rapid.IntRange(0, 2).Draw(t, "role")), Term: n("term")}
		case KindBegin:
			f := &Begin{Term: n("term"), Position: n("position"), Class: class.Draw(t, "class"), Generation: n("generation")}
			if scope := rapid.SliceOf(rapid.Byte()).Draw(t, "scope"); len(scope) > 0 {
				f.Scope, f.Seed = scope, n("seed")
			}
			return f
		case KindRecords:
			entry := rapid.Custom(func(t *rapid.T) Entry {
				return Entry{Key: text.Draw(t, "key"), Record: rapid.SliceOf(rapid.Byte()).Draw(t, "record")}
			})
			return &Records{
				Term: n("term"), Position: n("position"), Class: class.Draw(t, "class"), Generation: n("generation"),
				Entries: rapid.SliceOfN(entry, 0, 20).Draw(t, "entries"),
			}
		case KindSnapshotEnd:
			return &SnapshotEnd{
				Term: n("term"), Position: n("position"), Class: class.Draw(t, "class"),
				Generation: n("generation"), Count: n("count"),
			}
		case KindDelta:
			f := &Delta{Term: n("term"), Position: n("position"), Class: class.Draw(t, "class"), Changes: []state.Change{}}
			for range rapid.IntRange(0, 20).Draw(t, "changes") {
				c := state.Change{Class: f.Class, Op: state.Delete, Key: text.Draw(t, "key")}
				if rapid.Bool().Draw(t, "upsert") {
					c.Op, c.Record = state.Upsert, rapid.SliceOf(rapid.Byte()).Draw(t, "record")
				}
				f.Changes = append(f.Changes, c)
			}
			return f
		case KindAck:
			return &Ack{Position: n("position"), Held: time.Duration(rapid.Uint32().Draw(t, "held")) * time.Microsecond}
		case KindResync:
			return &Resync{Class: class.Draw(t, "class")}
		case KindSync:
			return &Sync{Term: n("term"), InSync: rapid.Bool().Draw(t, "sync")}
		case KindBarrier:
			return &Barrier{Term: n("term"), ID: n("id")}
		case KindBarrierAck:
			return &BarrierAck{ID: n("id")}
		case KindRelinquish:
			return &Relinquish{Term: n("term"), Sequence: n("sequence")}
		case KindRelinquishAck:
			return &RelinquishAck{Term: n("term")}
		case KindPing:
			return &Ping{}
		case KindBye:
			return &Bye{Reason: text.Draw(t, "reason")}
		case KindDigestRequest:
			return &DigestRequest{
				Term: n("term"), Position: n("position"), Class: class.Draw(t, "class"), Generation: n("generation"),
				Seed: n("seed"), Background: rapid.Bool().Draw(t, "gentle"),
			}
		case KindAddresses:
			f := &Addresses{}
			f.Own = append(f.Own, rapid.SliceOfN(rapid.Custom(anyAddress), 0, 5).Draw(t, "addresses")...)
			return f
		case KindDigests:
			f := &Digests{
				Class: class.Draw(t, "class"), Generation: n("generation"), Known: rapid.Bool().Draw(t, "known"),
				Entries: n("entries"),
			}
			f.Sums = append(f.Sums, rapid.SliceOf(number).Draw(t, "sums")...)
			return f
		default:
			panic(kind)
		}
	})
}

func TestDecodeReturnsTheEncodedFrame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(anyFrame(), 1, 5).Draw(t, "frames")
		var stream []byte
		for _, f := range want {
			stream = Append(stream, f)
		}
		memory := &Memory{}
		for _, f := range want {
			n, err := Length([LengthSize]byte(stream))
			if err != nil {
				t.Fatal(err)
			}
			copy(memory.Bytes(n), stream[LengthSize:])
			got, err := memory.Decode()
			if err != nil {
				t.Fatalf("Decoding %T: %v", f, err)
			}
			if !reflect.DeepEqual(got, f) {
				t.Fatalf("got %+v, want %+v", got, f)
			}
			stream = stream[LengthSize+n:]
		}
	})
}

// TestFormatIsStable fails if a frame is encoded differently from what existing units send.
func TestFormatIsStable(t *testing.T) {
	for want, f := range map[string]Frame{
		"0000002a" + "01" + "0001" + "0001" + "0465646765" + "0764656661756c74" + "077072696d617279" +
			"0c706f642f6162636465666768" + "0001" + "03": &Hello{
			Version: 1, OldestVersion: 1, Pair: "edge", Namespace: "default", Unit: "primary", Incarnation: "pod/abcdefgh",
			Classes: []state.Class{state.ConnectionCache},
		},
		"0000000a" + "02" + "01" + "0000000000000007": &RoleChange{Role: RoleActive, Term: 7},
		"00000025" + "06" + "0000000000000007" + "0000000000000009" + "03" + "0000000000000000" +
			"0002" + "01" + "016b" + "0172" + "02" + "026b32": &Delta{
			Term: 7, Position: 9, Class: state.ConnectionCache, Changes: []state.Change{
				{Class: state.ConnectionCache, Op: state.Upsert, Key: "k", Record: []byte("r")},
				{Class: state.ConnectionCache, Op: state.Delete, Key: "k2"},
			},
		},
		"0000000d" + "07" + "0000000000000009" + "000003e8": &Ack{Position: 9, Held: time.Millisecond},
		"00000023" + "10" + "0000000000000007" + "0000000000000009" + "03" + "0000000000000002" +
			"00000000000000ff" + "01": &DigestRequest{
			Term: 7, Position: 9, Class: state.ConnectionCache, Generation: 2, Seed: 255, Background: true,
		},
		"00000023" + "11" + "03" + "0000000000000002" + "01" + "0000000000000004" +
			"00000000000000aa" + "00000000000000bb": &Digests{
			Class: state.ConnectionCache, Generation: 2, Known: true, Entries: 4, Sums: []uint64{0xaa, 0xbb},
		},
		"00000024" + "03" + "0000000000000007" + "0000000000000009" + "03" + "0000000000000002" + "01" + "80" +
			"00000000000000ff": &Begin{
			Term: 7, Position: 9, Class: state.ConnectionCache, Generation: 2, Scope: []byte{0x80}, Seed: 255,
		},
		"00000009" + "0c" + "0000000000000007":                      &Relinquish{Term: 7},
		"00000011" + "0c" + "0000000000000007" + "0000000000000009": &Relinquish{Term: 7, Sequence: 9},
	} {
		if got := hex.EncodeToString(Append(nil, f)); got != want {
			t.Errorf("%T is\n%s, want\n%s", f, got, want)
		}
	}
}

func TestWrongLengthsAreRefused(t *testing.T) {
	records := (&Records{}).append([]byte{byte(KindRecords)})
	for name, b := range map[string][]byte{
		"no kind":                  {},
		"unknown kind":             {200},
		"truncated":                {byte(KindAck), 1, 2},
		"bytes too many":           {byte(KindPing), 0},
		"more entries than bytes":  append(records[:len(records)-2:len(records)-2], 0xff, 0xff),
		"more entries than fit":    append(records[:len(records)-2:len(records)-2], 0x00, 0x09, 1, 'k'),
		"a key beyond the frame":   append(records[:len(records)-2:len(records)-2], 0x00, 0x01, 0x7f, 'k'),
		"a key longer than any is": append(records[:len(records)-2:len(records)-2], 0x00, 0x01, 0xff, 0xff, 0xff, 0x7f),
		"an address of 3 bytes":    {byte(KindAddresses), 0, 1, 3, 10, 0, 0},
		"too many addresses":       {byte(KindAddresses), 0xff, 0xff, 4, 10, 0, 0, 7},
		"no truth value":           {byte(KindSync), 0, 0, 0, 0, 0, 0, 0, 0, 2},
		"no role":                  {byte(KindRole), 9, 0, 0, 0, 0, 0, 0, 0, 0},
		"a sequence of 0":          append([]byte{byte(KindRelinquish)}, make([]byte, 16)...),
		"half a sequence":          append([]byte{byte(KindRelinquish)}, make([]byte, 12)...),
		"no operation":             append((&Delta{}).append([]byte{byte(KindDelta)})[:26:26], 0, 1, 9, 0),
	} {
		if f, err := Decode(b); !errors.Is(err, ErrFrame) {
			t.Errorf("%s: got %+v, %v", name, f, err)
		}
	}
	for _, length := range [][LengthSize]byte{{}, {0xff, 0xff, 0xff, 0xff}, {0, 0x10, 0, 1}} {
		if _, err := Length(length); !errors.Is(err, ErrFrame) {
			t.Errorf("length %x: got %v", length, err)
		}
	}
}

func TestDecodeHelloOfANewerVersion(t *testing.T) {
	b := (&Hello{Version: 9, OldestVersion: 1, Unit: "primary"}).append([]byte{byte(KindHello)})
	f, err := Decode(append(b, "and what comes later"...))
	if err != nil {
		t.Fatalf("Decoding: %v", err)
	}
	if hello, ok := f.(*Hello); !ok || hello.Version != 9 || hello.Unit != "primary" {
		t.Errorf("got %+v", f)
	}
}

func TestAgree(t *testing.T) {
	for _, c := range []struct{ aNew, aOld, bNew, bOld, want uint16 }{
		{1, 1, 1, 1, 1}, {3, 1, 2, 1, 2}, {2, 1, 3, 2, 2}, {3, 3, 2, 1, 0}, {1, 1, 3, 2, 0},
	} {
		got, err := Agree(&Hello{Version: c.aNew, OldestVersion: c.aOld}, &Hello{Version: c.bNew, OldestVersion: c.bOld})
		if got != c.want || (err == nil) != (c.want != 0) {
			t.Errorf("%+v: got %d, %v", c, got, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for kind := KindHello; kind <= KindBye; kind++ {
		f.Add(Append(nil, newFrame(kind))[LengthSize:])
	}
	used := &Memory{}
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := Decode(b)
		copy(used.Bytes(len(b)), b)
		if same, sameErr := used.Decode(); fmt.Sprint(sameErr) != fmt.Sprint(err) || !reflect.DeepEqual(same, frame) {
			t.Fatalf("reused memory has %+v, %v, want %+v, %v", same, sameErr, frame, err)
		}
		if err != nil {
			if frame != nil || !errors.Is(err, ErrFrame) {
				t.Fatalf("got %+v, %v", frame, err)
			}
			return
		}
		again, err := Decode(Append(nil, frame)[LengthSize:])
		if err != nil || !reflect.DeepEqual(again, frame) {
			t.Fatalf("%+v is decoded as %+v, %v", frame, again, err)
		}
	})
}

func TestAllocationsDoNotGrowWithTheFrame(t *testing.T) {
	records := &Records{Class: state.ConnectionCache}
	delta := fullDelta()
	for _, c := range delta.Changes {
		records.Entries = append(records.Entries, Entry{Key: c.Key, Record: c.Record})
	}
	one := &Delta{Class: state.ConnectionCache, Changes: delta.Changes[:1]}
	decoding := func(f Frame) float64 {
		b, memory := Append(nil, f)[LengthSize:], &Memory{}
		return testing.AllocsPerRun(100, func() {
			copy(memory.Bytes(len(b)), b)
			if _, err := memory.Decode(); err != nil {
				t.Fatal(err)
			}
		})
	}
	want := decoding(one)
	if want > 1 {
		t.Errorf("decoding a frame of one change takes %v allocations, want 1: that of its key", want)
	}
	for _, f := range []Frame{delta, records} {
		if got := decoding(f); got != want {
			t.Errorf("decoding a %T of %d entries takes %v allocations, want %v", f, len(delta.Changes), got, want)
		}
		b := Append(nil, f)
		if got := testing.AllocsPerRun(100, func() { Append(b[:0], f) }); got != 0 {
			t.Errorf("appending a %T takes %v allocations, want none", f, got)
		}
	}
}
