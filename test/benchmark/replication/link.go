package replication

import (
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/hapair-io/hapair/test/testbed"
)

// counters are those of an interface.
type counters struct {
	sentBytes, receivedBytes, receivedPackets uint64
}

func (c counters) both() uint64 { return c.sentBytes + c.receivedBytes }

// carried returns the counters of an interface, or fails the trial.
func carried(t testing.TB, n *testbed.Namespace, name string) counters {
	t.Helper()
	c, err := interfaceCounters(n, name)
	if err != nil {
		t.Fatalf("Reading the counters of %s in %s: %v", name, n.Name, err)
	}
	return c
}

func interfaceCounters(n *testbed.Namespace, name string) (c counters, err error) {
	err = n.Do(func() error {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		s := link.Attrs().Statistics
		c = counters{sentBytes: s.TxBytes, receivedBytes: s.RxBytes, receivedPackets: s.RxPackets}
		return nil
	})
	return c, err
}
