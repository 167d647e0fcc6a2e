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

func newKernelUnit(t *testing.T, name string) *kernelUnit {
	t.Helper()
	u := &kernelUnit{t: t, namespace: testbed.NewNamespace(t, name)}
	if err := u.namespace.Do(xfrm.Try); err != nil {
		t.Skipf("the kernel cannot have SAs, run `make test-ipsec-vm`: %v", err)
	}
	u.sas = testbed.Open(t, u.namespace, xfrm.OpenTable)
	err := u.namespace.Do(func() (err error) {
		u.Class, err = open(0)
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

// put adds an SA or changes its counters. Every other SA has ESN. The class sees both at once.
func (u *kernelUnit) put(i int, sent uint64) {
	u.t.Helper()
	t := u.Source.(source).table
	t.mu.Lock()
	defer t.mu.Unlock()
	id, counters := idOf(i), xfrm.Counters{Sent: sent, Seen: []uint32{0}, Legacy: true}
	state := &netlink.XfrmState{
		Src: net.IPv4(192, 0, 2, 1), Dst: id.Destination.AsSlice(), Proto: netlink.XFRM_PROTO_ESP,
		Mode: netlink.XFRM_MODE_TUNNEL, Spi: int(id.SPI), ReplayWindow: 32,
		Aead: &netlink.XfrmStateAlgo{Name: "rfc4106(gcm(aes))", Key: make([]byte, 36), ICVLen: 128},
	}
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
		active, standby := newKernelUnit(t, "a"), newKernelUnit(t, "b")
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
