//go:build netns

package connectioncache

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
)

// announced makes a connection one that a helper of a control connection announced.
func announced(f, control conntrack.Flow, label contract.Label) conntrack.Flow {
	f.Fields |= conntrack.FieldMaster | conntrack.FieldLabels
	f.Master, f.Labels = control.Orig, label.Bits()
	return f
}

// datagrams returns an answered connection over UDP.
func datagrams(port uint16) conntrack.Flow {
	f := between("192.168.50.10", "198.51.100.9", "", port)
	f.Orig.Protocol, f.Reply.Protocol = conntrack.ProtocolUDP, conntrack.ProtocolUDP
	f.Fields = conntrack.FieldStatus | conntrack.FieldTimeout
	return f
}

func end(address netip.Addr, port uint16) string { return netip.AddrPortFrom(address, port).String() }

// wireHosts connects two hosts to the unit, between which it forwards, and returns the one outside.
func (u *unit) wireHosts() (outside *testbed.Namespace) {
	u.t.Helper()
	inside, outside := testbed.NewNamespace(u.t, "in"), testbed.NewNamespace(u.t, "out")
	testbed.Wire(u.t, u.namespace, "lan", inside, "eth0")
	testbed.Wire(u.t, u.namespace, "wan", outside, "eth0")
	u.namespace.Link(u.t, "lan").Address("192.168.50.1/24")
	u.namespace.Link(u.t, "wan").Address("198.51.100.1/24")
	inside.Link(u.t, "eth0").Address("192.168.50.10/24")
	outside.Link(u.t, "eth0").Address("198.51.100.9/24").Route("198.51.100.1")
	u.namespace.Set(u.t, "net.ipv4.ip_forward", "1")
	return outside
}

// answer lets a host send the next packet of a connection, and waits until its status has a bit.
func (u *unit) answer(outside *testbed.Namespace, f conntrack.Flow, bit conntrack.Status) {
	u.t.Helper()
	conn := outside.DialUDP(u.t, end(f.Orig.Dst, f.Orig.DstPort), end(f.Orig.Src, f.Orig.SrcPort))
	_, err := conn.Write([]byte("an answer"))
	if err := errors.Join(err, conn.Close()); err != nil {
		u.t.Fatal(err)
	}
	testbed.Eventually(u.t, "the answer passes the unit", func() bool {
		return u.ask(conntrack.Get, f).Status&bit != 0
	})
}

// TestWatchLeavesOutConnectionsThatAreOlderThanItself gives a watch answers and ends of connections that it has not
// seen begin. The kernel reports them without the labels.
func TestWatchLeavesOutConnectionsThatAreOlderThanItself(t *testing.T) {
	for label, want := range map[contract.Label]string{
		contract.LabelVoIP: "", contract.LabelIPHelper: "", contract.LabelFTP: "UUDD",
	} {
		u := newUnit(t, "a")
		outside := u.wireHosts()
		u.namespace.Firewall(t, "table inet labels { chain c { ct label set 121; }; }") // The kernel then keeps labels.
		control := datagrams(5060)
		u.ask(conntrack.Create, control)
		data := []conntrack.Flow{announced(datagrams(1), control, label), announced(datagrams(2), control, label)}
		for _, f := range data {
			f.Status &^= conntrack.StatusSeenReply
			u.ask(conntrack.Create, f)
			u.answer(outside, f, conntrack.StatusSeenReply) // This event still has the labels.
		}
		w := u.watch()
		for _, f := range data {
			u.answer(outside, f, conntrack.StatusAssured)
		}
		got := operations(t, w)
		for _, f := range data {
			u.ask(conntrack.Delete, f)
		}
		if got += operations(t, w); got != want {
			t.Errorf("label %d: the watch returned %q, want %q", label, got, want)
		}
	}
}

// TestStandbyRefusesPartsThatItDoesNotReplicate sends a standby connections with helpers and labels of classes. It
// refuses what its own settings leave out, whatever the active sends.
func TestStandbyRefusesPartsThatItDoesNotReplicate(t *testing.T) {
	u := newUnit(t, "b")
	u.namespace.Firewall(t, "table inet labels { chain c { ct label set 121; }; }")
	signalling, ftp := datagrams(5060), between("192.168.50.10", "198.51.100.9", "", 21)
	signalling.Helper, ftp.Helper = "sip", "ftp"
	signalling.Fields |= conntrack.FieldHelper
	ftp.Fields |= conntrack.FieldHelper
	u.wantApplied(state.Upsert, ftp, announced(datagrams(1), ftp, contract.LabelFTP))
	refused := [class.Refusals]int{class.Excluded: 2}
	outcome := u.apply(state.Upsert, signalling, announced(datagrams(2), ftp, contract.LabelVoIP))
	if outcome.Refused != refused || u.entries() != 2 {
		t.Errorf("%d entries, refused %v: %v", u.entries(), outcome.Refused, outcome.Err)
	}
	u.class.sink.filter.parts = partsWithout([]state.Class{state.VoIP})
	u.wantApplied(state.Upsert, signalling, announced(datagrams(2), signalling, contract.LabelVoIP))
}
