package connectioncache

import (
	"testing"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

func TestDeferrableChanges(t *testing.T) {
	tcp := func(kind conntrack.EventKind, state conntrack.TCPState) conntrack.Event {
		return conntrack.Event{Kind: kind, Flow: conntrack.Flow{
			Fields: conntrack.FieldTCPState, TCP: conntrack.TCP{State: state},
		}}
	}
	syn := tcp(conntrack.EventNew, conntrack.TCPSynSent)
	synAck := tcp(conntrack.EventUpdate, conntrack.TCPSynRecv)
	established := tcp(conntrack.EventUpdate, conntrack.TCPEstablished)
	finishing := tcp(conntrack.EventUpdate, conntrack.TCPFinWait)
	waiting := tcp(conntrack.EventUpdate, conntrack.TCPTimeWait)
	datagram := conntrack.Event{Kind: conntrack.EventNew}
	gone := conntrack.Event{Kind: conntrack.EventDestroy}
	expectation := conntrack.Event{Kind: conntrack.EventExpectation}
	for name, test := range map[string]struct {
		events []conntrack.Event
		want   bool
	}{
		"no event":                    {nil, true},
		"a SYN":                       {[]conntrack.Event{syn}, true},
		"a SYN and its answer":        {[]conntrack.Event{syn, synAck}, false},
		"established":                 {[]conntrack.Event{established}, false},
		"ending":                      {[]conntrack.Event{finishing, waiting, gone}, true},
		"ending, and one established": {[]conntrack.Event{finishing, established, gone}, false},
		"a first datagram":            {[]conntrack.Event{datagram}, false},
		"an expectation":              {[]conntrack.Event{expectation}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := deferrable(test.events); got != test.want {
				t.Errorf("deferrable: %t, want %t", got, test.want)
			}
		})
	}
}
