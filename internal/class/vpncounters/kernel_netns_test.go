//go:build netns

package vpncounters

import (
	"net"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/classtest"
	"github.com/hapair-io/hapair/internal/kernel/xfrm"
	"github.com/hapair-io/hapair/test/testbed"
)

// kernelUnit is the class with the kernel of a network namespace.
type kernelUnit struct {
	class.Class
	t         *testing.T
	namespace *testbed.Namespace
	sas       *xfrm.Table
}

// skipWithoutESP skips the test if the kernel cannot have SAs.
func skipWithoutESP(t *testing.T, n *testbed.Namespace) {
	t.Helper()
	if err := n.Do(xfrm.Try); err != nil {
		t.Skipf("the kernel cannot have SAs, run `make test-ipsec-vm`: %v", err)
	}
}

// newKernelUnit opens the class in a namespace. The class ends with the test.
func newKernelUnit(t *testing.T, n *testbed.Namespace, open func() (class.Class, error)) *kernelUnit {
	t.Helper()
	skipWithoutESP(t, n)
	u := &kernelUnit{t: t, namespace: n, sas: testbed.Open(t, n, xfrm.OpenTable)}
	err := n.Do(func() (err error) {
		u.Class, err = open()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := u.Close(); err != nil {
			t.Error(err)
		}
	})
	return u
}

// newSA returns an SA. Those with one SPI have the same key.
func newSA(source, destination net.IP, spi uint32) *netlink.XfrmState {
	key := make([]byte, 36)
	key[0], key[1] = byte(spi), byte(spi>>8)
	return &netlink.XfrmState{
		Src: source, Dst: destination, Proto: netlink.XFRM_PROTO_ESP, Mode: netlink.XFRM_MODE_TUNNEL, Spi: int(spi),
		Aead: &netlink.XfrmStateAlgo{Name: "rfc4106(gcm(aes))", Key: key, ICVLen: 128},
	}
}

// put adds an SA or changes its counters. Every other SA has ESN. The class sees both at once.
func (u *kernelUnit) put(i int, sent uint64) {
	u.t.Helper()
	t := u.Source.(source).table
	t.mu.Lock()
	defer t.mu.Unlock()
	id, counters := idOf(i), xfrm.Counters{Sent: sent, Seen: []uint32{0}, Legacy: true}
	state := newSA(net.IPv4(192, 0, 2, 1), id.Destination.AsSlice(), id.SPI)
	state.ReplayWindow = 32
	if id.Destination.Is6() {
		state.Src, state.ReplayWindow, state.ESN = net.ParseIP("2001:db8::1"), 64, true
		counters = xfrm.Counters{Sent: sent, Seen: make([]uint32, 2), Size: 64}
	}
	results, err := u.sas.Read([]xfrm.ID{id})
	if err == nil && results[0].Err != nil {
		err = u.namespace.Do(func() error { return netlink.XfrmStateAdd(state) })
	}
	if err == nil {
		results, err = u.sas.Write([]xfrm.SA{{ID: id, Counters: counters}})
	}
	if err != nil || results[0].Err != nil {
		u.t.Fatalf("%v, %v", err, results)
	}
	if err := t.refresh(); err != nil {
		u.t.Fatal(err)
	}
}

func (u *kernelUnit) remove(i int) {
	u.t.Helper()
	if _, err := u.sas.Remove([]xfrm.ID{idOf(i)}); err != nil {
		u.t.Fatal(err)
	}
	if err := u.Source.(source).look(true); err != nil {
		u.t.Fatal(err)
	}
}

func TestContractWithTheKernel(t *testing.T) {
	classtest.Run(t, func(t *testing.T) classtest.Pair {
		newUnit := func(name string) *kernelUnit {
			return newKernelUnit(t, testbed.NewNamespace(t, name), func() (class.Class, error) { return open(0) })
		}
		active, standby := newUnit("a"), newUnit("b")
		version := uint64(0)
		return classtest.Pair{
			Active: active.Class, Standby: standby.Class,
			Put:    func(i int) { version++; active.put(i, version) },
			Remove: active.remove,
			Overrun: func() {
				t := active.Source.(source).table
				t.mu.Lock()
				defer t.mu.Unlock()
				for range maxPending + 1 {
					t.notify(upsert(idOf(0), xfrm.Counters{Seen: []uint32{0}, Legacy: true}))
				}
			},
		}
	})
}
