package sight

import (
	"bytes"
	"testing"
	"time"
)

var (
	macA = MAC{2, 0, 0, 0, 0, 0xa}
	macB = MAC{2, 0, 0, 0, 0, 0xb}
)

// frame is one from A, with the protocol and the payload given.
func frame(protocol byte, payload ...byte) []byte {
	b := append(bytes.Repeat([]byte{0xff}, 6), macA[:]...)
	b = append(b, 0x08, 0x00)
	b = append(b, 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2)
	return append(b, payload...)
}

func TestParse(t *testing.T) {
	segment := []byte{0x1b, 0x58, 0x1b, 0x59, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0, 0, 0, 0, 0, 0}
	p, ok := parse(frame(6, segment...))
	if want := (Packet{Source: macA, Protocol: 6, SrcPort: 7000, DstPort: 7001}); !ok || p != want {
		t.Errorf("got %+v, %t, want %+v", p, ok, want)
	}
	segment[13] = 0x14 // RST, ACK
	if p, ok := parse(frame(6, segment...)); !ok || !p.Reset {
		t.Errorf("a reset: %+v, %t", p, ok)
	}
	if p, ok := parse(frame(17, 0x1b, 0x58, 0x1b, 0x59)); !ok || p.Reset || p.Protocol != 17 {
		t.Errorf("a datagram: %+v, %t", p, ok)
	}
	fragment := frame(17, 0x1b, 0x58, 0x1b, 0x59)
	fragment[14+7] = 1
	arp := frame(17, 0x1b, 0x58, 0x1b, 0x59)
	arp[13] = 0x06
	for name, b := range map[string][]byte{
		"nothing": nil, "no ports": frame(17, 1, 2, 3), "ICMP": frame(1, 8, 0, 0, 0),
		"a short segment": frame(6, segment[:13]...), "a later fragment": fragment, "ARP": arp,
	} {
		if p, ok := parse(b); ok {
			t.Errorf("%s is %+v", name, p)
		}
	}
}

func forwarded(routers string) []Forwarded {
	var all []Forwarded
	for i, r := range routers {
		all = append(all, Forwarded{At: time.Unix(0, 0).Add(time.Duration(i) * time.Millisecond), Router: string(r)})
	}
	return all
}

func TestJudge(t *testing.T) {
	for routers, want := range map[string]struct {
		changes, late int
		overlap       time.Duration
	}{
		"":          {},
		"AAAA":      {},
		"AAABBB":    {changes: 1},
		"AAABABBB":  {changes: 3, late: 1, overlap: time.Millisecond},
		"AAABBBA":   {changes: 2, late: 1, overlap: 3 * time.Millisecond},
		"AAABBBAAA": {changes: 2, late: 3, overlap: 5 * time.Millisecond},
	} {
		got := Judge(forwarded(routers), 0)
		if len(got.Changes) != want.changes || got.Late != want.late || got.Overlap != want.overlap {
			t.Errorf("%s: got %+v, want %+v", routers, got, want)
		}
	}
	if got := Judge(forwarded("AABABA"), time.Millisecond); got.Late != 1 || got.Overlap != 3*time.Millisecond {
		t.Errorf("with grace: %+v", got)
	}
	change := Judge(forwarded("AAB"), 0).Changes[0]
	if change.From != "A" || change.To != "B" || change.First.Sub(change.Last) != time.Millisecond {
		t.Errorf("got %+v", change)
	}
}

func TestByOrdersAndNames(t *testing.T) {
	at := func(n int64) time.Time { return time.Unix(0, n) }
	got := By(map[MAC]string{macA: "A", macB: "B"},
		[]Packet{{At: at(1), Source: macA}, {At: at(4), Source: macB}, {At: at(5), Source: macB, Outgoing: true}},
		[]Packet{{At: at(2), Source: macB}, {At: at(3), Source: MAC{9}}})
	text := ""
	for _, f := range got {
		text += f.Router
	}
	if text != "ABB" || !FirstBy(got, "B").Equal(at(2)) || !LastBy(got, "B").Equal(at(4)) || !LastBy(got, "C").IsZero() {
		t.Errorf("got %+v", got)
	}
}
