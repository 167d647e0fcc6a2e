//go:build netns

package connectioncache

import (
	"net/netip"
	"testing"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
)

// between returns a connection from one address to another, with its source translated if that is set.
func between(src, dst, translated string, port uint16) conntrack.Flow {
	f := example()
	f.Orig.Src, f.Orig.Dst, f.Orig.SrcPort = netip.MustParseAddr(src), netip.MustParseAddr(dst), port
	f.Reply = f.Orig.Inverse()
	if translated != "" {
		f.Reply.Dst = netip.MustParseAddr(translated)
	}
	f.Status = conntrack.StatusConfirmed | conntrack.StatusSeenReply
	return f
}

// TestStandbyKeepsItsOwnConnections sends a standby changes of connections that are its own, or the peer's, or that no
// router forwards. None may reach its kernel: neither an entry nor the end of one.
func TestStandbyKeepsItsOwnConnections(t *testing.T) {
	u := newUnit(t, "b", netip.MustParseAddr("203.0.113.1"))
	u.namespace.Link(t, "lo").Address("10.244.1.7/32").Address("fd00:10:244::7/128").Address("203.0.113.1/32")
	u.do(u.class.sink.filter.refresh)
	u.class.sink.filter.own.SetPeer([]netip.Addr{netip.MustParseAddr("10.244.2.8")})
	for name, f := range map[string]conntrack.Flow{
		"to the API server":                 between("10.244.1.7", "10.96.0.1", "", 1),
		"to the API server, IPv6":           between("fd00:10:244::7", "fd00:10:96::1", "", 2),
		"from the kubelet":                  between("172.18.0.3", "10.244.1.7", "", 3),
		"translated to an own address":      between("192.168.50.10", "198.51.100.9", "10.244.1.7", 4),
		"loopback":                          between("127.0.0.1", "127.0.0.1", "", 5),
		"loopback, IPv6":                    between("::1", "::1", "", 6),
		"loopback behind a mapped address":  between("::ffff:127.0.0.1", "::ffff:127.0.0.1", "", 7),
		"link-local":                        between("fe80::1", "fe80::2", "", 8),
		"of the peer with the API server":   between("10.244.2.8", "10.96.0.1", "", 9),
		"translated to the peer's address":  between("192.168.50.10", "198.51.100.9", "10.244.2.8", 10),
		"from a host to an address of ours": between("192.168.50.10", "10.244.1.7", "", 11),
		"own, translated to a virtual one":  between("10.244.1.7", "198.51.100.9", "203.0.113.1", 12),
		"own to a virtual address":          between("10.244.1.7", "203.0.113.1", "", 13),
		"expected by an own connection":     expectedBy(between("192.168.50.10", "198.51.100.9", "", 14), "10.244.1.7"),
		"expected by a connection of loopback": expectedBy(
			between("192.168.50.10", "198.51.100.9", "", 15), "127.0.0.1"),
	} {
		t.Run(name, func(t *testing.T) {
			want := [class.Refusals]int{class.Excluded: 1}
			if outcome := u.apply(state.Upsert, f); outcome.Refused != want {
				t.Errorf("an entry was not refused: %v", outcome.Refused)
			}
			if u.has(f) {
				t.Fatal("an entry was written")
			}
			if f.Fields.Has(conntrack.FieldMaster) {
				return // the end of a connection does not name the one that expected it
			}
			u.ask(conntrack.Create, f)
			if outcome := u.apply(state.Delete, f); outcome.Refused != want || !u.has(f) {
				t.Errorf("a deletion was carried out: %v", outcome.Refused)
			}
			if n := u.entries(); n != 0 {
				t.Errorf("%d entries are digested, want 0", n)
			}
			u.ask(conntrack.Delete, f)
		})
	}
}

// TestStandbyKeepsItsOwnTranslatedConnection sends a connection whose translated port the standby uses itself.
func TestStandbyKeepsItsOwnTranslatedConnection(t *testing.T) {
	u := newUnit(t, "b", netip.MustParseAddr("203.0.113.1"))
	u.namespace.Link(t, "lo").Address("10.244.1.7/32")
	u.do(u.class.sink.filter.refresh)
	mine := between("10.244.1.7", "198.51.100.9", "203.0.113.1", 40000)
	theirs := between("192.168.50.10", "198.51.100.9", "203.0.113.1", 40000)
	u.ask(conntrack.Create, mine)
	outcome := u.apply(state.Upsert, theirs)
	if outcome.Refused != [class.Refusals]int{class.Excluded: 1} || !u.has(mine) {
		t.Errorf("the unit's own connection is there: %t; refused %v", u.has(mine), outcome.Refused)
	}
}

// expectedBy makes a connection one that a connection from an address expected.
func expectedBy(f conntrack.Flow, src string) conntrack.Flow {
	f.Fields |= conntrack.FieldMaster
	f.Master = between(src, "198.51.100.9", "", 21).Orig
	return f
}

// has reports whether the kernel has a connection.
func (u *unit) has(f conntrack.Flow) bool {
	u.t.Helper()
	results, err := u.table.Do([]conntrack.Request{{Operation: conntrack.Get, Flow: f}}, nil)
	if err != nil {
		u.t.Fatal(err)
	}
	return results[0].Err == nil && results[0].Flow.Orig == f.Orig
}
