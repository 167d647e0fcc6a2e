package addresses

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// kept runs Keep in a bubble, without notifications of the kernel unless notice is called.
func kept(t *testing.T, do func(t *testing.T, k *keeping)) {
	synctest.Test(t, func(t *testing.T) {
		a := withMAC(t, t.TempDir(), newSegment())
		k := &keeping{Addresses: a, segment: a.Kernel.(*segment)}
		ctx, cancel := context.WithCancel(t.Context())
		a.follow = func(ctx context.Context, changed func()) error {
			k.notice = changed
			<-ctx.Done()
			return nil
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			a.Keep(ctx, func(all []State) { k.told = append(k.told, all) })
		}()
		synctest.Wait()
		do(t, k)
		cancel()
		<-done
	})
}

type keeping struct {
	*Addresses
	segment *segment
	notice  func()
	told    [][]State
}

// change changes the host, and lets Keep have the notification.
func (k *keeping) change(f func(s *segment)) {
	k.segment.mu.Lock()
	f(k.segment)
	k.segment.mu.Unlock()
	k.notice()
	time.Sleep(2 * inspectPause)
	synctest.Wait()
}

func (k *keeping) has(index int, a netip.Prefix) bool {
	k.segment.mu.Lock()
	defer k.segment.mu.Unlock()
	return slices.Contains(k.segment.addresses[index], a)
}

func remove(a netip.Prefix) func(*segment) {
	return func(s *segment) {
		for index, all := range s.addresses {
			s.addresses[index] = slices.DeleteFunc(slices.Clone(all), func(p netip.Prefix) bool { return p == a })
		}
	}
}

func TestRemovedAddressIsPutBackAndAnnounced(t *testing.T) {
	lan := networks[0].Addresses[0]
	kept(t, func(t *testing.T, k *keeping) {
		set(t, k.Addresses, true)
		time.Sleep(time.Minute)
		k.segment.sent()
		k.change(remove(lan))
		if !k.has(1, lan) {
			t.Error("the address is still missing")
		}
		if frames := k.segment.sent(); len(frames) != 3+2 || // LAN only: three virtual, two of the unit's own.
			!equal(frames[:2], announcements(virtualMAC, []netip.Prefix{lan})) {
			t.Errorf("announced by %x", frames)
		}
		time.Sleep(time.Minute)
		if got := len(k.segment.sent()); got != len(repetitions)*(oneRound+2) {
			t.Errorf("%d frames in later rounds", got)
		}
	})
}

// Without a permit another unit may have the address by now.
func TestNothingIsPutBackWithoutAPermit(t *testing.T) {
	lan := networks[0].Addresses[0]
	kept(t, func(t *testing.T, k *keeping) {
		set(t, k.Addresses, true)
		k.Permitted = func() bool { return false }
		k.change(remove(lan))
		time.Sleep(time.Minute)
		if k.has(1, lan) || len(k.segment.sent()) > 0 {
			t.Error("the address was put back")
		}
	})
}

func TestChangedMACIsPutBackAndAnnounced(t *testing.T) {
	kept(t, func(t *testing.T, k *keeping) {
		set(t, k.Addresses, true)
		k.change(func(s *segment) { s.macs[1] = squatter })
		if k.segment.macs[1] != virtualMAC {
			t.Errorf("the interface has %s", k.segment.macs[1])
		}
		if frames := k.segment.sent(); len(frames) == 0 ||
			!equal(frames[:2], announcements(virtualMAC, networks[0].Addresses[:1])) {
			t.Errorf("announced by %x", frames)
		}
		// Without a virtual MAC the new one is announced.
		k.change(func(s *segment) { s.macs[2] = squatter })
		if frames := k.segment.sent(); len(frames) == 0 ||
			!equal(frames[:2], announcements(squatter, networks[1].Addresses)) {
			t.Errorf("announced by %x", frames)
		}
	})
}

func TestReplacedInterfaceGetsItsAddresses(t *testing.T) {
	kept(t, func(t *testing.T, k *keeping) {
		set(t, k.Addresses, true)
		k.change(func(s *segment) { s.replaced++ })
		if err := k.Verify(); err != nil || !k.has(11, networks[0].Addresses[0]) || k.segment.macs[11] != virtualMAC {
			t.Errorf("%v, %v", k.segment.addresses, err)
		}
	})
}

// A unit that is not active must not answer for an address that somebody adds to it.
func TestAddedAddressIsRemovedWhileWithdrawn(t *testing.T) {
	otherLength := netip.MustParsePrefix("192.168.50.1/32")
	ofAnother := networks[1].Addresses[0]
	kept(t, func(t *testing.T, k *keeping) {
		set(t, k.Addresses, false)
		k.change(func(s *segment) {
			s.addresses[1] = append(s.addresses[1], networks[0].Addresses[0], otherLength, ofAnother)
			s.macs[1] = virtualMAC
		})
		if got := k.segment.addresses[1]; len(got) != 1 || got[0].Addr().String() != "192.168.50.2" {
			t.Errorf("the interface has %v", got)
		}
		if k.segment.macs[1] == virtualMAC {
			t.Error("the interface has the virtual MAC")
		}
	})
}

// An address in another network of the same segment is not the one that its neighbours reach.
func TestAddressOfAnotherPrefixLengthIsReplaced(t *testing.T) {
	lan, otherLength := networks[0].Addresses[0], netip.MustParsePrefix("192.168.50.1/32")
	kept(t, func(t *testing.T, k *keeping) {
		set(t, k.Addresses, true)
		k.change(func(s *segment) { remove(lan)(s); s.addresses[1] = append(s.addresses[1], otherLength) })
		if !k.has(1, lan) || k.has(1, otherLength) {
			t.Errorf("the interface has %v", k.segment.addresses[1])
		}
	})
}

func TestMissingIPv6IsAFaultInEitherRole(t *testing.T) {
	const fault = "interface lan has no IPv6"
	for _, attached := range []bool{false, true} {
		t.Run(fmt.Sprintf("attached: %t", attached), func(t *testing.T) {
			kept(t, func(t *testing.T, k *keeping) {
				set(t, k.Addresses, attached)
				k.change(func(s *segment) { s.without6 = true; remove(networks[0].Addresses[1])(s) })
				last := k.told[len(k.told)-1]
				if !strings.Contains(last[0].Fault, fault) || last[1].Fault != "" {
					t.Errorf("told %q", last)
				}
				if attached != k.has(1, networks[0].Addresses[0]) {
					t.Errorf("attached %v", k.segment.addresses[1])
				}
				k.change(func(s *segment) { s.without6 = false })
				if last = k.told[len(k.told)-1]; last[0].Fault != "" {
					t.Errorf("told %q", last)
				}
				if attached != k.has(1, networks[0].Addresses[1]) {
					t.Errorf("attached %v", k.segment.addresses[1])
				}
			})
		})
	}
}

// A kernel that refuses an address would refuse it again. A unit that forgot would get the role back at once.
func TestRefusalIsRememberedForAWhile(t *testing.T) {
	kept(t, func(t *testing.T, k *keeping) {
		k.segment.refused = networks[0].Addresses[1:]
		set(t, k.Addresses, true)
		set(t, k.Addresses, false)
		time.Sleep(refusalLasts - time.Second)
		wantFaults(t, k.Addresses, "the kernel refuses fd50::1/64", "")
		time.Sleep(3 * time.Second)
		synctest.Wait()
		wantFaults(t, k.Addresses, "", "")
	})
}

// Another program that removes an address again and again costs a bounded number of repairs. In the end it is a fault.
func TestFightIsBoundedAndAFault(t *testing.T) {
	lan := networks[0].Addresses[0]
	kept(t, func(t *testing.T, k *keeping) {
		set(t, k.Addresses, true)
		k.segment.done()
		const lasts = 2 * fightLasts
		for end := time.Now().Add(lasts); time.Now().Before(end); {
			k.change(remove(lan))
		}
		repairs := 0
		for _, line := range k.segment.done() {
			if strings.HasPrefix(line, "1 add") {
				repairs++
			}
		}
		if bound := repairBurst + repairsPerSecond*int(lasts/time.Second) + 1; repairs > bound || repairs < bound/3 {
			t.Errorf("%d repairs, at most %d are right", repairs, bound)
		}
		wantFaults(t, k.Addresses, "another program changes the addresses of interface lan", "")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		wantFaults(t, k.Addresses, "", "")
		if !k.has(1, lan) {
			t.Error("the address is missing in the end")
		}
	})
}

// A change that needs no repair costs nothing on the interfaces.
func TestNothingIsDoneWhereNothingIsWrong(t *testing.T) {
	kept(t, func(t *testing.T, k *keeping) {
		for _, attached := range []bool{false, true} {
			set(t, k.Addresses, attached)
			k.segment.done()
			for range 100 {
				k.change(func(s *segment) { s.addresses[1] = append(s.addresses[1], netip.MustParsePrefix("10.0.0.9/8")) })
			}
			if got := k.segment.done(); len(got) > 0 {
				t.Errorf("done %q", got)
			}
		}
		if len(k.segment.sent()) > 0 {
			t.Error("something was announced")
		}
	})
}

var _ Kernel = (*rtnetlink.Conn)(nil)

// The unit's own addresses came with the attachment. In either role, and on a replaced interface too, nobody else puts
// them back. Those that somebody adds later are nobody's business.
func TestOwnAddressIsPutBackInEitherRole(t *testing.T) {
	own, added := netip.MustParsePrefix("192.168.50.2/24"), netip.MustParsePrefix("192.168.50.7/24")
	for name, attached := range map[string]bool{"active": true, "standby": false} {
		t.Run(name, func(t *testing.T) {
			kept(t, func(t *testing.T, k *keeping) {
				set(t, k.Addresses, attached)
				time.Sleep(2 * inspectPause)
				k.change(func(s *segment) { s.addresses[1] = append(s.addresses[1], added) })
				k.change(remove(own))
				if !k.has(1, own) {
					t.Error("the unit's own address is missing")
				}
				k.change(remove(added))
				k.change(func(s *segment) { s.replaced++ })
				if !k.has(11, own) || k.has(11, added) {
					t.Errorf("the new interface has %v", k.segment.addresses[11])
				}
			})
		})
	}
}

// An own address that the kernel refuses is a fault.
func TestRefusedOwnAddressIsAFault(t *testing.T) {
	own := netip.MustParsePrefix("192.168.50.2/24")
	kept(t, func(t *testing.T, k *keeping) {
		set(t, k.Addresses, true)
		time.Sleep(2 * inspectPause)
		k.change(func(s *segment) { s.refused = []netip.Prefix{own} })
		k.change(remove(own))
		if last := k.told[len(k.told)-1]; !strings.Contains(last[0].Fault, own.String()) || last[1].Fault != "" {
			t.Errorf("the states are %+v", last)
		}
		k.change(func(s *segment) { s.refused = nil })
		time.Sleep(2 * inspectInterval)
		synctest.Wait()
		if last := k.told[len(k.told)-1]; last[0].Fault != "" {
			t.Errorf("the states are %+v", last)
		}
	})
}

// Without IPv6 forwarding the addresses are there, and no packet passes. Only a privileged process could switch it on
// again, so it is a fault of the networks with IPv6 addresses.
func TestIPv6ForwardingThatIsOffIsAFaultInEitherRole(t *testing.T) {
	for name, attached := range map[string]bool{"active": true, "standby": false} {
		t.Run(name, func(t *testing.T) {
			kept(t, func(t *testing.T, k *keeping) {
				set(t, k.Addresses, attached)
				k.change(func(s *segment) { s.withoutForwarding = true })
				last := k.told[len(k.told)-1]
				if !strings.Contains(last[0].Fault, "net.ipv6.conf.all.forwarding to 1") || last[1].Fault != "" {
					t.Errorf("the states are %+v", last)
				}
				k.change(func(s *segment) { s.withoutForwarding = false })
				if last := k.told[len(k.told)-1]; last[0].Fault != "" {
					t.Errorf("the states are %+v", last)
				}
			})
		})
	}
}
