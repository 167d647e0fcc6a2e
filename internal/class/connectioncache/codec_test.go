package connectioncache

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/netip"
	"reflect"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// anyTuple draws a tuple that a kernel could report.
func anyTuple(t *rapid.T, protocol uint8, ipv6 bool) conntrack.Tuple {
	address := func(name string) netip.Addr {
		if ipv6 {
			return netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, name)))
		}
		return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, name)))
	}
	tuple := conntrack.Tuple{Protocol: protocol, Src: address("source"), Dst: address("destination")}
	switch {
	case tuple.HasPorts():
		tuple.SrcPort, tuple.DstPort = rapid.Uint16().Draw(t, "port"), rapid.Uint16().Draw(t, "port")
	case tuple.IsICMP():
		tuple.ICMPType, tuple.ICMPCode = rapid.Uint8().Draw(t, "type"), rapid.Uint8().Draw(t, "code")
		tuple.ICMPID = rapid.Uint16().Draw(t, "id")
	}
	return tuple
}

func anyFlow(t *rapid.T) conntrack.Flow {
	protocol := rapid.OneOf(rapid.SampledFrom([]uint8{1, 6, 17, 47, 50, 58, 132}), rapid.Uint8()).Draw(t, "protocol")
	ipv6 := rapid.Bool().Draw(t, "IPv6")
	f := conntrack.Flow{Orig: anyTuple(t, protocol, ipv6)}
	f.Reply = f.Orig.Inverse()
	if rapid.Bool().Draw(t, "translated") {
		f.Reply = anyTuple(t, protocol, ipv6)
	}
	if rapid.Bool().Draw(t, "zones") {
		f.Zone, f.Orig.Zone = rapid.Uint16().Draw(t, "zone"), rapid.Uint16().Draw(t, "zone")
		f.Reply.Zone = rapid.Uint16().Draw(t, "zone")
	}
	return withFields(t, f)
}

func withFields(t *rapid.T, f conntrack.Flow) conntrack.Flow {
	number := func(name string) uint32 { return rapid.Uint32().Draw(t, name) }
	octet := func(name string) uint8 { return rapid.Uint8().Draw(t, name) }
	offset := func() int32 { return rapid.Int32().Draw(t, "offset") }
	f.Fields = conntrack.Fields(rapid.Uint16().Draw(t, "fields")) & conntrack.AllFields
	set := map[conntrack.Fields]func(){
		conntrack.FieldStatus:   func() { f.Status = conntrack.Status(number("status")) },
		conntrack.FieldTimeout:  func() { f.TimeoutSeconds = number("timeout") },
		conntrack.FieldMark:     func() { f.Mark = number("mark") },
		conntrack.FieldTCPState: func() { f.TCP.State = conntrack.TCPState(octet("state")) },
		conntrack.FieldTCPWindow: func() {
			f.TCP.ScaleOrig, f.TCP.ScaleReply = octet("scale"), octet("scale")
			f.TCP.FlagsOrig, f.TCP.FlagsReply = conntrack.TCPFlags(octet("flags")), conntrack.TCPFlags(octet("flags"))
		},
		conntrack.FieldSCTP: func() {
			f.SCTP = conntrack.SCTP{State: octet("state"), TagOrig: number("tag"), TagReply: number("tag")}
		},
		conntrack.FieldHelper: func() { f.Helper = rapid.StringMatching("[a-z0-9-]{0,15}").Draw(t, "helper") },
		conntrack.FieldLabels: func() {
			const size = conntrack.LabelsSize
			f.Labels = [size]byte(rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "labels"))
		},
		conntrack.FieldSeqAdj: func() {
			f.SeqAdjOrig = conntrack.SeqAdj{CorrectionPos: number("position"), OffsetBefore: offset(), OffsetAfter: offset()}
			f.SeqAdjReply = conntrack.SeqAdj{CorrectionPos: number("position"), OffsetBefore: offset(), OffsetAfter: offset()}
		},
		conntrack.FieldMaster: func() { f.Master = anyTuple(t, 6, f.Orig.Src.Is6()) },
		conntrack.FieldSynproxy: func() {
			f.Synproxy = conntrack.Synproxy{ISN: number("number"), ITS: number("time"), TSOffset: number("offset")}
		},
	}
	for bit := conntrack.Fields(1); bit < conntrack.AllFields; bit <<= 1 {
		if f.Fields.Has(bit) {
			set[bit]()
		}
	}
	return f
}

// twin encodes and decodes a flow in the most simple way.
func twin(t *rapid.T, f conntrack.Flow) conntrack.Flow {
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var read conntrack.Flow
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	return read
}

func TestDecodedFlowsEqualTwins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, fresh := anyFlow(t), rapid.Bool().Draw(t, "fresh")
		trimToPortable(&f)
		got, err := decodeKey(encodeKey(&f))
		if err != nil {
			t.Fatal(err)
		}
		if decoded, err := decodeRecord(&got, appendRecord(nil, &f, fresh)); err != nil || decoded != fresh {
			t.Fatalf("fresh: %t, want %t; %v", decoded, fresh, err)
		}
		if want := twin(t, f); !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v\nwant %+v", got, want)
		}
	})
}

func TestKeyIdentifiesFlow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyFlow(t), anyFlow(t)
		same := a.Orig == b.Orig && a.Reply == b.Reply && a.Zone == b.Zone
		if (encodeKey(&a) == encodeKey(&b)) != same {
			t.Fatalf("%+v and %+v", a, b)
		}
	})
}

func TestMergeOverlaysOlderRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want conntrack.Flow
		var records [2][]byte
		var wantFresh bool
		for i := range records {
			f, fresh := withFields(t, conntrack.Flow{}), rapid.Bool().Draw(t, "fresh")
			records[i], wantFresh = appendRecord(nil, &f, fresh), wantFresh || fresh
			if _, err := decodeRecord(&want, records[i]); err != nil {
				t.Fatal(err)
			}
		}
		merged, err := codec{}.Merge(records[0], records[1])
		if err != nil {
			t.Fatal(err)
		}
		var got conntrack.Flow
		fresh, err := decodeRecord(&got, merged)
		if err != nil {
			t.Fatal(err)
		}
		if got != want || fresh != wantFresh {
			t.Fatalf("got %+v, %t, want %+v, %t", got, fresh, want, wantFresh)
		}
	})
}

// example returns a TCP connection with source translation.
func example() conntrack.Flow {
	orig := conntrack.Tuple{
		Protocol: 6, Src: netip.MustParseAddr("192.168.50.10"), Dst: netip.MustParseAddr("203.0.113.9"),
		SrcPort: 40000, DstPort: 80,
	}
	reply := orig.Inverse()
	reply.Dst, reply.DstPort = netip.MustParseAddr("203.0.113.1"), 61000
	return conntrack.Flow{
		Fields: conntrack.FieldStatus | conntrack.FieldTimeout | conntrack.FieldTCPState | conntrack.FieldTCPWindow,
		Orig:   orig, Reply: reply, Status: 0x19e, TimeoutSeconds: 432000,
		TCP: conntrack.TCP{State: conntrack.TCPEstablished, ScaleOrig: 7, ScaleReply: 8, FlagsOrig: 0x23, FlagsReply: 0x27},
	}
}

// TestFormatIsStable fails if keys or records differ from those of released units.
func TestFormatIsStable(t *testing.T) {
	f := example()
	trimToPortable(&f)
	for want, got := range map[string]string{
		"2406" + "c0a8320acb007109" + "9c400050" + "cb007101ee48": hex.EncodeToString([]byte(encodeKey(&f))),
		"21" + "19" + "1e" + "03" + "7837":                        hex.EncodeToString(appendRecord(nil, &f, true)),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestMalformedKeysAndRecordsAreRefused(t *testing.T) {
	f := example()
	trimToPortable(&f)
	key, record := encodeKey(&f), string(appendRecord(nil, &f, true))
	for name, key := range map[string]string{
		"empty": "", "with another format": "\x34" + key[1:], "too short": key[:len(key)-1], "too long": key + "x",
		"of flags alone": key[:1],
	} {
		if got, err := decodeKey(key); !errors.Is(err, errKey) {
			t.Errorf("key %s: got %+v, %v", name, got, err)
		}
	}
	for name, record := range map[string]string{
		"empty": "", "with another format": "\x31" + record[1:], "with an unknown flag": "\x22" + record[1:],
		"with an unknown field": "\x20\x80\x80\x01", "with an endless number": "\x20\x80",
		"with too large a status": "\x20\x01\xff\xff\xff\xff\xff\x01",
		"too short":               record[:len(record)-1], "too long": record + "x",
		"with too long a helper": "\x20\x40\x10aaaaaaaaaaaaaaaa", "with an invalid master": "\x20\x80\x04\x02ab",
	} {
		var f conntrack.Flow
		if _, err := decodeRecord(&f, []byte(record)); !errors.Is(err, errRecord) {
			t.Errorf("record %s: got %+v, %v", name, f, err)
		}
		if _, err := (codec{}).Merge([]byte(record), []byte(record)); err != nil && !errors.Is(err, errRecord) {
			t.Errorf("record %s: merged %v", name, err)
		}
	}
}

// TestBatchesAllocateLittle checks that the codec does not allocate for each connection. A busy firewall has a hundred
// thousand a second.
func TestBatchesAllocateLittle(t *testing.T) {
	const size = 512
	f, item := example(), item{}
	var changes []state.Change
	encoding := testing.AllocsPerRun(10, func() {
		b := newBatch(size)
		for range size {
			b.upsert(&f, true)
		}
		changes = b.changes()
	})
	decoding := testing.AllocsPerRun(10, func() {
		for i := range changes {
			if err := item.decode(&changes[i]); err != nil {
				t.Fatal(err)
			}
		}
	})
	if encoding > 8 || decoding > 0 {
		t.Errorf("%v to encode %d connections, %v to decode them", encoding, size, decoding)
	}
}

func FuzzDecodeKey(f *testing.F) {
	flow := example()
	f.Add(encodeKey(&flow))
	f.Fuzz(func(t *testing.T, key string) {
		flow, err := decodeKey(key)
		if err != nil {
			return
		}
		again, err := decodeKey(encodeKey(&flow))
		if err != nil || again != flow {
			t.Fatalf("%+v read back is %+v, %v", flow, again, err)
		}
	})
}

func FuzzDecodeRecord(f *testing.F) {
	flow := example()
	f.Add(appendRecord(nil, &flow, true))
	f.Fuzz(func(t *testing.T, record []byte) {
		var flow, again conntrack.Flow
		fresh, err := decodeRecord(&flow, record)
		if err != nil {
			return
		}
		alsoFresh, err := decodeRecord(&again, appendRecord(nil, &flow, fresh))
		if err != nil || again != flow || alsoFresh != fresh {
			t.Fatalf("%+v read back is %+v, %v", flow, again, err)
		}
	})
}
