//go:build netns

package firewall_test

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/dataplane"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/test/namespace"
)

const (
	costRounds  = 15
	costPackets = 100_000
	// measureVariable switches on tests that measure and take long.
	measureVariable = "HAPAIR_MEASURE"
)

// TestCostOfTheDataPlane measures how much processor time a small packet of a connection takes through the firewall. It
// takes turns with and without the check of sources and the data plane's table. The time of the processor is steadier
// than that of the clock on a machine with other work. The kernel forwards the packets in the sender's thread.
func TestCostOfTheDataPlane(t *testing.T) {
	if os.Getenv(measureVariable) == "" {
		t.Skipf("set %s to measure", measureVariable)
	}
	b := newBed(t)
	b.reachLAN()
	text := head + "  policies: [{name: any, from: [lan, wan], to: [lan, wan], action: Accept}]\n"
	plain := strings.NewReplacer("[lan]}", "[lan], sourceValidation: Disabled}",
		"[wan]}", "[wan], sourceValidation: Disabled}").Replace(text)
	var with, without []time.Duration
	for range costRounds {
		b.apply(text)
		b.setPlanes()
		with = append(with, b.costOfPackets())
		b.apply(plain)
		b.joinPlanes()
		without = append(without, b.costOfPackets())
	}
	slices.Sort(with)
	slices.Sort(without)
	for _, quantile := range []int{0, costRounds / 4, costRounds / 2} {
		a, c := with[quantile], without[quantile]
		t.Logf("quantile %d of %d: %d ns a packet with, %d without: %+.1f %%", quantile, costRounds,
			a.Nanoseconds()/costPackets, c.Nanoseconds()/costPackets, 100*(float64(a)/float64(c)-1))
	}
}

// setPlanes gives the firewall the routes and rules of a unit.
func (b *bed) setPlanes() {
	b.Helper()
	err := namespace.Do(at(b.firewall), func() error {
		kernel, err := rtnetlink.Dial()
		if err != nil {
			return err
		}
		defer func() { _ = kernel.Close() }()
		return dataplane.New(dataplane.Options{Networks: []dataplane.Network{
			{Interface: "lan", Addresses: []netip.Prefix{netip.MustParsePrefix(lanAddress + "/24")}},
			{Interface: "wan", Addresses: []netip.Prefix{netip.MustParsePrefix(wanAddress + "/24")}},
		}, Kernel: kernel, Log: logr.Discard()}).Set()
	})
	if err != nil {
		b.Fatal(err)
	}
}

// joinPlanes removes the rules, and has all routes in the main table.
func (b *bed) joinPlanes() {
	b.Helper()
	b.in(b.firewall, "ip", "rule", "flush")
	b.in(b.firewall, "ip", "rule", "add", "priority", "32766", "lookup", "main")
	b.in(b.firewall, "ip", "route", "replace", "192.168.50.0/24", "dev", "lan")
	b.in(b.firewall, "ip", "route", "replace", "203.0.113.0/24", "dev", "wan")
}

// costOfPackets returns the processor time for packets from the client to the server.
func (b *bed) costOfPackets() (cost time.Duration) {
	b.Helper()
	err := namespace.Do(at(b.client), func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		to := &unix.SockaddrInet4{Addr: netip.MustParseAddr(serverAddress).As4(), Port: 9}
		if err := unix.Connect(fd, to); err != nil {
			return err
		}
		payload := make([]byte, 18)
		send := func(packets int) error {
			for range packets {
				if _, err := unix.Write(fd, payload); err != nil && err != unix.ECONNREFUSED {
					return err
				}
			}
			return nil
		}
		if err := send(costPackets / 10); err != nil {
			return err
		}
		before := processorTime()
		err = send(costPackets)
		cost = processorTime() - before
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return cost
}

// processorTime returns the processor time of the calling thread.
func processorTime() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) // It fails for unknown clocks only.
	return time.Duration(t.Nano())
}
