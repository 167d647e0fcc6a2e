//go:build netns

package dynamicrouting

import (
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/test/testbed"
)

// unit is a class in a network namespace of its own, with one traffic interface.
type unit struct {
	class.Class
	t         *testing.T
	namespace *testbed.Namespace
	kernel    *rtnetlink.Conn
	link      int
	// isClosed is set if the test closes the class itself.
	isClosed bool
}

// newUnit returns a unit with the hold time of the product.
func newUnit(t *testing.T, name string) *unit {
	t.Helper()
	return newUnitHolding(t, name, holdTime)
}

// newUnitHolding returns a unit with another hold time.
func newUnitHolding(t *testing.T, name string, hold time.Duration) *unit {
	t.Helper()
	u := &unit{t: t, namespace: testbed.NewNamespace(t, name)}
	testbed.Wire(t, u.namespace, "lan0", u.namespace, "far")
	testbed.Wire(t, u.namespace, "other0", u.namespace, "otherfar")
	u.namespace.Link(t, "other0").Up()
	u.link = u.namespace.Link(t, "lan0").Up().Index()
	u.kernel = testbed.Open(t, u.namespace, rtnetlink.Dial)
	u.start(hold)
	return u
}

// start opens the class in the namespace.
func (u *unit) start(hold time.Duration) {
	u.t.Helper()
	err := u.namespace.Do(func() (err error) {
		u.Class, err = newTable([]string{"lan0"}, hold).start()
		return err
	})
	if err != nil {
		u.t.Fatal(err)
	}
	opened := u.Class
	u.t.Cleanup(func() {
		if u.isClosed {
			return
		}
		if err := opened.Close(); err != nil {
			u.t.Error(err)
		}
	})
}

// endHold makes everything expire that waits for a confirmation.
func (u *unit) endHold() {
	u.t.Helper()
	table := u.Source.(source).table
	table.mu.Lock()
	defer table.mu.Unlock()
	for _, r := range table.records {
		if r.expiry != 0 {
			r.expiry = 1
		}
	}
	table.nextExpiry = 1
	if err := table.update(); err != nil {
		u.t.Fatal(err)
	}
}

// ip adds, replaces or removes a route of the data plane's table.
func (u *unit) ip(line string) {
	u.t.Helper()
	u.namespace.Run(u.t, "ip "+line)
}

// held returns the held routes of the kernel, as ip prints them.
func (u *unit) held() string {
	u.t.Helper()
	text := ""
	for _, family := range []string{"-4", "-6"} {
		shown, err := u.namespace.Try("ip " + family + " route show table 7780 proto 180")
		if err != nil && !strings.Contains(err.Error()+shown, "FIB table does not exist") {
			u.t.Fatal(err)
		}
		if err == nil {
			text += shown
		}
	}
	return strings.Join(strings.Fields(text), " ")
}

// wantHeld checks that these routes are held, or none.
func (u *unit) wantHeld(what string, want ...string) {
	u.t.Helper()
	got := u.held()
	for _, w := range want {
		if !strings.Contains(got, w) {
			u.t.Errorf("%s, no %q is held in %q", what, w, got)
		}
	}
	if len(want) == 0 && got != "" {
		u.t.Errorf("%s, %q is held", what, got)
	}
}

// learned has routes of every shape, as ip adds them.
var learned = []string{
	"route add 10.1.0.0/16 via 192.0.2.7 dev lan0 onlink table 7780 proto ospf metric 20",
	"route add 10.2.0.0/16 table 7780 proto bgp metric 20 " +
		"nexthop via 192.0.2.7 dev lan0 onlink weight 2 nexthop via 192.0.2.8 dev lan0 onlink",
	"route add blackhole 10.3.0.0/16 table 7780 proto bgp metric 20",
	"route add 10.4.0.0/16 via inet6 fe80::7 dev lan0 table 7780 proto bgp metric 20",
	"route add default via 192.0.2.7 dev lan0 onlink table 7780 proto rip metric 20",
	"-6 route add fd01::/16 via fe80::7 dev lan0 table 7780 proto 190 metric 20",
	"-6 route add fd02::/16 table 7780 proto ospf metric 30 nexthop via fe80::7 dev lan0 nexthop via fe80::8 dev lan0",
}

// holding has what ip shows of them on the standby. The metric has the distance 201 in its upper byte.
var holding = []string{
	"10.1.0.0/16 via 192.0.2.7 dev lan0 metric 3372220436 onlink",
	"10.2.0.0/16 metric 3372220436 nexthop via 192.0.2.7 dev lan0 weight 2 onlink " +
		"nexthop via 192.0.2.8 dev lan0 weight 1 onlink",
	"blackhole 10.3.0.0/16 metric 3372220436",
	"10.4.0.0/16 via inet6 fe80::7 dev lan0 metric 3372220436",
	"default via 192.0.2.7 dev lan0 metric 3372220436",
	"fd01::/16 via fe80::7 dev lan0 metric 3372220436",
	"fd02::/16 metric 3372220446",
}
