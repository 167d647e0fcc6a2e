package conntrack

import (
	"errors"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// expectations returns one expectation of each kind, by name.
func expectations() map[string]Expectation {
	tuple := func(protocol uint8, src, dst string) Tuple {
		from, to := netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)
		return Tuple{Protocol: protocol, Src: from.Addr(), SrcPort: from.Port(), Dst: to.Addr(), DstPort: to.Port()}
	}
	host, host6 := netip.MustParseAddr("255.255.255.255"), allOnes(netip.IPv6Unspecified())
	return map[string]Expectation{
		"ftp-active-with-source-translation": {
			Master: tuple(ProtocolTCP, "192.168.50.10:40000", "203.0.113.9:21"),
			Tuple:  tuple(ProtocolTCP, "203.0.113.9:0", "203.0.113.1:40001"),
			Mask:   ExpectationMask{Src: host}, Class: 0, Helper: "ftp", Function: "nat-follow-master",
			NAT: ExpectationNAT{Direction: 1, Address: netip.MustParseAddr("192.168.50.10"), Port: 40001},
		},
		"ftp-over-ipv6": {
			Master: tuple(ProtocolTCP, "[fd50::10]:40000", "[2001:db8:113::9]:21"),
			Tuple:  tuple(ProtocolTCP, "[fd50::10]:0", "[2001:db8:113::9]:50000"),
			Mask:   ExpectationMask{Src: host6}, Helper: "ftp",
		},
		"sip-media": {
			Master: tuple(ProtocolUDP, "192.168.50.10:5060", "203.0.113.9:5060"),
			Tuple:  tuple(ProtocolUDP, "203.0.113.9:0", "203.0.113.1:4000"),
			Mask:   ExpectationMask{Src: host}, Class: 1, Helper: "sip", Function: "sip",
			NAT: ExpectationNAT{Direction: 1, Address: netip.MustParseAddr("192.168.50.10"), Port: 4000},
		},
		"sip-registration": {
			Master: tuple(ProtocolUDP, "192.168.50.11:5060", "203.0.113.9:5060"),
			Tuple:  tuple(ProtocolUDP, "0.0.0.0:0", "203.0.113.1:5061"),
			Mask:   ExpectationMask{Src: netip.IPv4Unspecified()}, Helper: "sip",
			Flags: ExpectationPermanent | ExpectationInactive,
		},
	}
}

// masterOf returns an entry that can be the master of an expectation.
func masterOf(e *Expectation) Flow {
	f := Flow{
		Fields: FieldStatus | FieldTimeout | FieldHelper, Orig: e.Master, Reply: e.Master.Inverse(),
		Status: StatusConfirmed | StatusSeenReply | StatusAssured, TimeoutSeconds: 600, Helper: e.Helper,
	}
	if e.Master.Protocol == ProtocolTCP {
		f.Fields |= FieldTCPState | FieldTCPWindow
		f.TCP.State = TCPEstablished
	}
	return f
}

// TestCapturedExpectations decodes messages from a kernel (capture_netns_test.go).
func TestCapturedExpectations(t *testing.T) {
	for name, want := range expectations() {
		t.Run(name, func(t *testing.T) {
			var kinds []EventKind
			for _, m := range captured(t, "testdata/expectations/"+name+".hex") {
				var e ExpectationEvent
				if ok, err := e.decode(m); !ok || err != nil {
					t.Fatalf("decoding %x: %t, %v", m.body, ok, err)
				}
				kinds = append(kinds, e.Kind)
				if e.Expectation.ID == 0 || e.Expectation.TimeoutSeconds == 0 {
					t.Errorf("ID %d, timeout %d", e.Expectation.ID, e.Expectation.TimeoutSeconds)
				}
				e.Expectation.ID, e.Expectation.TimeoutSeconds = 0, 0 // they differ with each capture
				if e.Expectation != want {
					t.Errorf("got\n%+v, want\n%+v", e.Expectation, want)
				}
			}
			if len(kinds) != 2 || kinds[0] != EventNew || kinds[1] != EventDestroy {
				t.Errorf("events %v, want a new expectation and its end", kinds)
			}
		})
	}
}

func TestEncodedExpectationsDecodeEqual(t *testing.T) {
	for name, want := range expectations() {
		var b builder
		encodeExpectation(&b, &want)
		if got, err := DecodeExpectation(b.bytes); err != nil || got != want {
			t.Errorf("%s: got\n%+v, %v, want\n%+v", name, got, err, want)
		}
	}
}

func TestMalformedExpectationsAreErrors(t *testing.T) {
	example := expectations()["ftp-active-with-source-translation"]
	encoded := func(change func(*builder)) []byte {
		var b builder
		encodeExpectation(&b, &example)
		change(&b)
		return b.bytes
	}
	for name, b := range map[string][]byte{
		"nothing":          {},
		"a cut message":    encoded(func(b *builder) { b.bytes = b.bytes[:60] }),
		"a short number":   encoded(func(b *builder) { b.add(ctaExpectTimeout, 1) }),
		"a long helper":    encoded(func(b *builder) { b.addText(ctaExpectHelpName, strings.Repeat("x", maxHelperName)) }),
		"a long function":  encoded(func(b *builder) { b.addText(ctaExpectFn, strings.Repeat("x", maxFunctionName)) }),
		"a function's end": encoded(func(b *builder) { b.add(ctaExpectFn, 'a', 0, 'b') }),
		"a short NAT": encoded(func(b *builder) {
			nat := b.open(ctaExpectNAT)
			b.add(ctaExpectNATDir, 1)
			b.close(nat)
		}),
		"a mask of another family": encoded(func(b *builder) {
			b.addTuple(ctaExpectMask, Tuple{Src: netip.IPv6Unspecified(), Dst: netip.IPv6Unspecified()})
		}),
	} {
		if e, err := DecodeExpectation(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %+v, %v", name, e, err)
		}
	}
}

func TestClashes(t *testing.T) {
	base := expectations()["ftp-active-with-source-translation"]
	for name, c := range map[string]struct {
		change func(*Expectation)
		want   bool
	}{
		"of another master":          {func(e *Expectation) { e.Master.SrcPort++ }, true},
		"from a given port":          {func(e *Expectation) { e.Tuple.SrcPort, e.Mask.SrcPort = 20, 0xffff }, true},
		"from any host":              {func(e *Expectation) { e.Mask.Src = netip.IPv4Unspecified() }, true},
		"from another host":          {func(e *Expectation) { e.Tuple.Src = e.Tuple.Src.Next() }, false},
		"to another port":            {func(e *Expectation) { e.Tuple.DstPort++ }, false},
		"of another protocol":        {func(e *Expectation) { e.Tuple.Protocol = ProtocolUDP }, false},
		"of another address family":  {func(e *Expectation) { *e = expectations()["ftp-over-ipv6"] }, false},
		"without the bits of a mask": {func(e *Expectation) { e.Mask = ExpectationMask{} }, false},
	} {
		other := base
		c.change(&other)
		if got := base.Clashes(&other); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
		if got := other.Clashes(&base); got != c.want {
			t.Errorf("%s, the other way round: %t, want %t", name, got, c.want)
		}
	}
}

func FuzzDecodeExpectation(f *testing.F) {
	files, err := filepath.Glob("testdata/expectations/*.hex")
	if err != nil || len(files) == 0 {
		f.Fatalf("No captured messages: %v", err)
	}
	for _, file := range files {
		for _, m := range captured(f, file) {
			f.Add(m.body[headers-unix.SizeofNlMsghdr:])
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := DecodeExpectation(body)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("got %v", err)
			}
			return
		}
		var b builder
		encodeExpectation(&b, &e)
		again, err := DecodeExpectation(b.bytes)
		if err != nil {
			t.Fatalf("%+v is encoded as %x: %v", e, b.bytes, err)
		}
		if again.Tuple.String() != e.Tuple.String() || again.Flags != e.Flags || again.Function != e.Function {
			t.Fatalf("got\n%+v, want\n%+v", again, e)
		}
		if !e.Clashes(&e) {
			t.Fatalf("%+v does not clash with itself", e)
		}
	})
}
