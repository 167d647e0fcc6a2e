package connectioncache

import (
	"bytes"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// numberedFlow returns the example with another source port.
func numberedFlow(number int) *conntrack.Flow {
	f := example()
	f.Orig.SrcPort = uint16(number)
	return &f
}

func TestConnectionIsReadAtOnceAndAfterSettling(t *testing.T) {
	r, start := newRereads(), time.Now()
	want := func(what string, after time.Duration, draining bool, want int) {
		t.Helper()
		if got := len(r.take(start.Add(after), draining)); got != want {
			t.Errorf("%s: %d requests, want %d", what, got, want)
		}
	}
	datagram := numberedFlow(1)
	datagram.Orig.Protocol = conntrack.ProtocolUDP
	r.add(datagram, start)
	want("a datagram", settleTime, false, 0)

	r.add(numberedFlow(1), start)
	r.add(numberedFlow(1), start)
	r.add(numberedFlow(2), start)
	want("at once, each connection once", 0, false, 2)
	want("before they have settled", settleTime-1, false, 0)
	want("draining", settleTime-1, true, 2)
	want("draining again", settleTime-1, true, 2)
	if r.isEmpty() {
		t.Error("draining has removed what did not settle")
	}
	want("when they have settled", settleTime, false, 2)
	if !r.isEmpty() {
		t.Error("connections are left")
	}
	want("after that", 2*settleTime, true, 0)
}

// TestLaterExpectationSettlesLater is about a helper that changes two packets in quick succession.
func TestLaterExpectationSettlesLater(t *testing.T) {
	r, start := newRereads(), time.Now()
	r.add(numberedFlow(1), start)
	r.add(numberedFlow(1), start.Add(settleTime-1))
	for _, after := range []time.Duration{0, settleTime, 2*settleTime - 1} {
		if got := len(r.take(start.Add(after), false)); got != 1 {
			t.Errorf("after %s: %d requests, want 1", after, got)
		}
	}
}

func TestRereadsAreBounded(t *testing.T) {
	r, start := newRereads(), time.Now()
	for i := range maxSettling + 10 {
		r.add(numberedFlow(i), start)
	}
	if got := len(r.take(start, false)); got != maxSettling+10 {
		t.Errorf("%d connections are read at once, want all", got)
	}
	if got := len(r.take(start.Add(settleTime), false)); got != maxSettling {
		t.Errorf("%d connections are read once more, want %d", got, maxSettling)
	}
}

func TestAuditComparesSequenceAdjustments(t *testing.T) {
	plain, zero, adjusted, other := example(), example(), example(), example()
	for _, f := range []*conntrack.Flow{&zero, &adjusted, &other} {
		f.Fields |= conntrack.FieldSeqAdj
	}
	adjusted.SeqAdjOrig = conntrack.SeqAdj{CorrectionPos: 1000, OffsetAfter: -2}
	other.SeqAdjOrig = conntrack.SeqAdj{CorrectionPos: 2000, OffsetBefore: -2, OffsetAfter: -4}
	compare := func(a, b conntrack.Flow) bool {
		return bytes.Equal(appendComparable(nil, &a), appendComparable(nil, &b))
	}
	if !compare(plain, zero) {
		t.Error("adjustments of zero differ from none")
	}
	if compare(plain, adjusted) || compare(adjusted, other) {
		t.Error("entries with different adjustments are equal")
	}
}
