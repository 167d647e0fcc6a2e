package advertiser

import (
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr/testr"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// fakeKernel has one interface, unless it fails.
type fakeKernel struct{ failure error }

func (k *fakeKernel) Link(name string) (rtnetlink.Link, error) {
	return rtnetlink.Link{Index: 7, Name: name}, k.failure
}

func (k *fakeKernel) AddressTable() ([]rtnetlink.Address, error) {
	return []rtnetlink.Address{
		{Index: 8, Prefix: netip.MustParsePrefix("fe80::1/64")},
		{Index: 7, Prefix: netip.MustParsePrefix("fe80::2/64")},
		{Index: 7, Prefix: netip.MustParsePrefix("fe80::1/64"), Duplicate: true},
	}, nil
}

// An interface that is missing is a fault once that has lasted. One without the virtual address is no fault: the unit
// is a standby, although another interface has the address.
func TestAMissingInterfaceIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kernel := &fakeKernel{failure: errors.New("no such device")}
		a := New(kernel, testr.New(t))
		a.Set([]document.AdvertisedNetwork{{Interface: "lan", Address: netip.MustParseAddr("fe80::1")}})
		var parts sync.WaitGroup
		expect := func(want string, isChanged bool) {
			t.Helper()
			a.look(t.Context(), &parts)
			select {
			case <-a.Changed():
			default:
				isChanged = !isChanged
			}
			if got := a.Fault(); got != want || !isChanged {
				t.Errorf("the fault is %q, want %q, and its change %t", got, want, isChanged)
			}
		}
		expect("", false)
		time.Sleep(3 * time.Second)
		expect("spec.routerAdvertisements: interface lan: no such device", true)
		kernel.failure = nil
		expect("", true)
		if _, ok := a.machine.Next(); ok || len(a.ports) != 0 {
			t.Error("a unit without the virtual address advertises")
		}
		kernel.failure = errors.New("no such device")
		a.Set(nil)
		expect("", false)
		parts.Wait()
	})
}
