package conntrack

import (
	"bufio"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// update is set by `go test -update`.
var update = flag.Bool("update", false, "write testdata: decoded messages and, with the tag netns, captured ones")

// captured returns the messages of a file in testdata, which has one hexadecimal datagram a line.
func captured(t testing.TB, file string) []message {
	t.Helper()
	text, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = text.Close() }()
	var messages []message
	for lines := bufio.NewScanner(text); lines.Scan(); {
		b, err := hex.DecodeString(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		for len(b) > 0 {
			var m message
			if m, b, err = nextMessage(b); err != nil {
				t.Fatal(err)
			}
			messages = append(messages, m)
		}
	}
	return messages
}

// TestCapturedMessages decodes messages from a kernel (capture_netns_test.go). The golden files were checked manually.
func TestCapturedMessages(t *testing.T) {
	files, err := filepath.Glob("testdata/*.hex")
	if err != nil || len(files) == 0 {
		t.Fatalf("No captured messages: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".hex"), func(t *testing.T) {
			var got strings.Builder
			for _, m := range captured(t, file) {
				kind, _ := m.event(messageNew, messageDelete)
				var flow Flow
				if err := m.decode(&flow); err != nil {
					t.Fatal(err)
				}
				flow.ID = 0 // differs with each capture
				fmt.Fprintf(&got, "%s\n", describe(kind, flow))
			}
			golden := strings.TrimSuffix(file, ".hex") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != string(want) {
				t.Errorf("got\n%swant\n%s", got.String(), want)
			}
		})
	}
}

// describe returns all fields of an event as text.
func describe(kind EventKind, f Flow) string {
	kinds := []string{"", "new", "update", "destroy"}
	text := fmt.Sprintf("%s [%s] [%s] fields=%#x", kinds[kind], f.Orig, f.Reply, f.Fields)
	for _, part := range []struct {
		field Fields
		text  string
	}{
		{FieldStatus, fmt.Sprintf("status=%#x", f.Status)},
		{FieldTimeout, fmt.Sprintf("timeout=%d", f.TimeoutSeconds)},
		{FieldMark, fmt.Sprintf("mark=%d", f.Mark)},
		{FieldTCPState, fmt.Sprintf("state=%d", f.TCP.State)},
		{FieldTCPWindow, fmt.Sprintf("scales=%d,%d flags=%#x,%#x",
			f.TCP.ScaleOrig, f.TCP.ScaleReply, f.TCP.FlagsOrig, f.TCP.FlagsReply)},
		{FieldSCTP, fmt.Sprintf("sctp=%+v", f.SCTP)},
		{FieldHelper, "helper=" + f.Helper},
		{FieldLabels, fmt.Sprintf("labels=%x", f.Labels)},
		{FieldSeqAdj, fmt.Sprintf("seqadj=%+v,%+v", f.SeqAdjOrig, f.SeqAdjReply)},
		{FieldMaster, fmt.Sprintf("master=[%s]", f.Master)},
	} {
		if f.Fields.Has(part.field) {
			text += " " + part.text
		}
	}
	return text
}

func TestUnknownAttributesAreSkipped(t *testing.T) {
	var b builder
	b.addTuple(ctaTupleOrig, example().Orig)
	b.add(200, 1, 2, 3)
	b.addTuple(ctaTupleReply, example().Reply)
	nest := b.open(ctaProtoInfo)
	b.add(99, 1)
	b.close(nest)
	if f, err := Decode(b.bytes); err != nil || f.Orig != example().Orig {
		t.Errorf("got %+v, %v", f, err)
	}
}

func example() Flow {
	orig := Tuple{
		Protocol: ProtocolTCP, Src: netip.MustParseAddr("192.168.50.10"), Dst: netip.MustParseAddr("203.0.113.9"),
		SrcPort: 40000, DstPort: 80,
	}
	return Flow{
		Fields: FieldStatus | FieldTimeout, Orig: orig, Reply: orig.Inverse(), Status: StatusConfirmed, TimeoutSeconds: 60,
	}
}

func TestMalformedMessagesAreErrors(t *testing.T) {
	encoded := func(change func(*builder)) []byte {
		var b builder
		b.addTuple(ctaTupleOrig, example().Orig)
		b.addTuple(ctaTupleReply, example().Reply)
		change(&b)
		return b.bytes
	}
	for name, b := range map[string][]byte{
		"nothing":         {},
		"no reply":        encoded(func(b *builder) { b.bytes = b.bytes[:len(b.bytes)/2] }),
		"a length of 3":   encoded(func(b *builder) { b.bytes = append(b.bytes, 3, 0, 3, 0) }),
		"a length beyond": encoded(func(b *builder) { b.bytes = append(b.bytes, 200, 0, 3, 0) }),
		"bytes left over": encoded(func(b *builder) { b.bytes = append(b.bytes, 1, 2) }),
		"a short number":  encoded(func(b *builder) { b.add(ctaStatus, 1) }),
		"a long number":   encoded(func(b *builder) { b.add(ctaTimeout, 1, 2, 3, 4, 5, 6, 7, 8) }),
		"long labels":     encoded(func(b *builder) { b.add(ctaLabels, make([]byte, 64)...) }),
		"a helper without end": encoded(func(b *builder) {
			n := b.open(ctaHelp)
			b.add(ctaHelpName, make([]byte, 40)...)
			b.bytes[len(b.bytes)-20] = 'x'
			b.close(n)
		}),
		"a short address": encoded(func(b *builder) {
			tuple := b.open(ctaTupleMaster)
			ip := b.open(ctaTupleIP)
			b.add(ctaIPv4Src, 1, 2)
			b.close(ip)
			b.close(tuple)
		}),
		"short TCP flags": encoded(func(b *builder) {
			info := b.open(ctaProtoInfo)
			tcp := b.open(ctaProtoInfoTCP)
			b.add(ctaTCPFlagsOrig, 1)
			b.close(tcp)
			b.close(info)
		}),
	} {
		if f, err := Decode(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %+v, %v", name, f, err)
		}
	}
}

func TestMalformedHeadersAreErrors(t *testing.T) {
	for name, b := range map[string][]byte{
		"short":           make([]byte, 15),
		"no length":       make([]byte, 16),
		"a length beyond": append([]byte{200, 0, 0, 0}, make([]byte, 12)...),
	} {
		if m, _, err := nextMessage(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %+v, %v", name, m, err)
		}
	}
	if err := (message{}).decode(&Flow{}); !errors.Is(err, ErrMalformed) {
		t.Errorf("an empty body: got %v", err)
	}
	if err := (message{kind: unix.NLMSG_ERROR}).result(); !errors.Is(err, ErrMalformed) {
		t.Errorf("an empty answer: got %v", err)
	}
}

func TestInverseOfInverseIsOriginal(t *testing.T) {
	for _, tuple := range []Tuple{
		example().Orig,
		{Protocol: ProtocolICMP, Src: example().Orig.Src, Dst: example().Orig.Dst, ICMPType: 8, ICMPID: 7},
		{Protocol: ProtocolICMPv6, Src: netip.MustParseAddr("fd50::1"), Dst: netip.MustParseAddr("fd50::2"), ICMPType: 128},
		{Protocol: 50, Src: example().Orig.Src, Dst: example().Orig.Dst},
	} {
		inverse := tuple.Inverse()
		if inverse == tuple || inverse.Inverse() != tuple {
			t.Errorf("%v, %v, %v", tuple, inverse, inverse.Inverse())
		}
	}
}

func TestTimeoutsDependOnProtocolAndState(t *testing.T) {
	var timeouts Timeouts
	for _, s := range timeouts.settings() {
		*s.value = s.fallback
	}
	tcp := func(state TCPState) Flow { return Flow{Orig: Tuple{Protocol: ProtocolTCP}, TCP: TCP{State: state}} }
	for name, c := range map[string]struct {
		flow Flow
		want uint32
	}{
		"an established connection": {tcp(TCPEstablished), 432000},
		"a closing connection":      {tcp(TCPTimeWait), 120},
		"an unknown TCP state":      {tcp(200), 600},
		"UDP without reply":         {Flow{Orig: Tuple{Protocol: ProtocolUDP}}, 30},
		"a UDP stream":              {Flow{Orig: Tuple{Protocol: ProtocolUDP}, Status: StatusAssured}, 120},
		"SCTP":                      {Flow{Orig: Tuple{Protocol: ProtocolSCTP}, SCTP: SCTP{State: 4}}, 210},
		"an ICMP echo":              {Flow{Orig: Tuple{Protocol: ProtocolICMP}}, 30},
		"another protocol":          {Flow{Orig: Tuple{Protocol: 50}}, 600},
	} {
		if got := timeouts.Of(&c.flow); got != c.want {
			t.Errorf("%s lives %d s, want %d", name, got, c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/*.hex")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		for _, m := range captured(f, file) {
			f.Add(m.body[headers-unix.SizeofNlMsghdr:])
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		flow, err := Decode(body)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("got %v", err)
			}
			return
		}
		// Each operation must encode any flow that a kernel sent.
		var b builder
		for _, operation := range []Operation{Create, Update, Delete, Get} {
			if err := b.addRequest(&Request{Operation: operation, Flow: flow}, unix.NLM_F_ACK, 1); err != nil {
				t.Fatalf("Operation %d of %+v: %v", operation, flow, err)
			}
		}
		for rest := b.bytes; len(rest) > 0; {
			var m message
			if m, rest, err = nextMessage(rest); err != nil || m.sequence != 1 {
				t.Fatalf("got %+v, %v", m, err)
			}
		}
	})
}

func FuzzDatagram(f *testing.F) {
	f.Add(make([]byte, 16))
	f.Fuzz(func(t *testing.T, b []byte) {
		l := &Listener{listener[Event]{parse: parseEvent}}
		if err := l.decode(b); err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatalf("got %v", err)
		}
		if _, err := takeAnswers(b, 0, make([]Result, 3)); err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatalf("got %v", err)
		}
	})
}
