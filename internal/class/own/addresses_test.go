package own_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hapair-io/hapair/internal/class/own"
)

func parse(texts ...string) []netip.Addr {
	var list []netip.Addr
	for _, text := range texts {
		list = append(list, netip.MustParseAddr(text))
	}
	return list
}

func TestBothUnitsKnowTheSameAddresses(t *testing.T) {
	virtual := parse("192.168.50.1", "2001:db8::1")
	unit := func(list ...string) *own.Addresses {
		a := own.New(own.Config{Virtual: virtual, Read: func() ([]netip.Addr, error) { return parse(list...), nil }})
		if err := a.Refresh(); err != nil {
			t.Fatal(err)
		}
		return a
	}
	active := unit("10.0.0.7", "192.168.50.2", "192.168.50.1", "127.0.0.1", "fe80::1", "2001:db8::1", "2001:db8::2")
	standby := unit("10.0.0.8", "::ffff:192.168.50.3", "2001:db8::3")
	active.SetPeer(standby.Unit())
	standby.SetPeer(append(active.Unit(), virtual...))
	for text, want := range map[string]bool{
		"10.0.0.7": true, "10.0.0.8": true, "192.168.50.2": true, "192.168.50.3": true, "2001:db8::2": true,
		"2001:db8::3": true, "192.168.50.1": false, "2001:db8::1": false, "192.168.50.10": false,
	} {
		for name, a := range map[string]*own.Addresses{"active": active, "standby": standby} {
			if got := a.Has(netip.MustParseAddr(text)); got != want {
				t.Errorf("the %s counts %s as own: %t, want %t", name, text, got, want)
			}
		}
	}
}

func TestSubscribersLearnOfEachChange(t *testing.T) {
	list := parse("10.0.0.7", "10.0.0.8")
	a := own.New(own.Config{
		Read: func() ([]netip.Addr, error) { return list, nil },
		Follow: func(ctx context.Context, changed func()) error {
			for range 2 {
				changed()
			}
			<-ctx.Done()
			return nil
		},
	})
	ctx, cancel := context.WithCancel(t.Context())
	changes := 0
	a.Subscribe(func() { changes++; cancel() })
	a.Run(ctx, func(err error) { t.Error(err) })
	if changes != 1 {
		t.Fatalf("%d changes, want 1", changes)
	}
	slices.Reverse(list) // the order means nothing
	if err := a.Refresh(); err != nil || changes != 1 {
		t.Errorf("%d changes and %v, want 1", changes, err)
	}
	a.SetPeer(parse("10.0.0.9"))
	a.SetPeer(parse("10.0.0.9"))
	if changes != 2 {
		t.Errorf("%d changes, want 2", changes)
	}
}

// A takeover adds many addresses in a row. Each reading takes a lock of the kernel for which it would wait.
func TestChangesInARowCostOneReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		a := own.New(own.Config{
			Read: func() ([]netip.Addr, error) { reads++; return parse("10.0.0.7"), nil },
			Follow: func(ctx context.Context, changed func()) error {
				for range 64 {
					changed()
					time.Sleep(100 * time.Microsecond)
				}
				<-ctx.Done()
				return nil
			},
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		a.Run(ctx, func(err error) { t.Error(err) })
		if reads < 1 || reads > 2 {
			t.Errorf("%d readings", reads)
		}
	})
}

// The addresses stay as they were: connections of the unit must not be replicated because of a failed read.
func TestFailedReadKeepsAddresses(t *testing.T) {
	var failure error
	a := own.New(own.Config{Read: func() ([]netip.Addr, error) { return parse("10.0.0.7"), failure }})
	if err := a.Refresh(); err != nil {
		t.Fatal(err)
	}
	failure = errors.New("no")
	if err := a.Refresh(); !errors.Is(err, failure) || !a.Has(netip.MustParseAddr("10.0.0.7")) {
		t.Errorf("got %v", err)
	}
}
