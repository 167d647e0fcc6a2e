//go:build netns

package vip

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/gate"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/vip/frame"
)

// isolate moves the test into a network namespace of its own with a pair of interfaces, lan and far. The namespace ends
// with the test's thread, whatever becomes of the test.
func isolate(t *testing.T) *rtnetlink.Conn {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("needs root")
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"link add lan address 02:00:00:00:00:01 type veth peer name far", "link set lan up", "link set far up",
	} {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", line, err, out)
		}
	}
	kernel, err := rtnetlink.Dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kernel.Close() })
	return kernel
}

// The neighbours on the other side see each form of announcement, as it was built.
func TestAnnouncementsArrive(t *testing.T) {
	kernel := isolate(t)
	far, err := net.InterfaceByName("far")
	if err != nil {
		t.Fatal(err)
	}
	neighbour, err := packet.Listen(far, packet.Raw, unix.ETH_P_ALL, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = neighbour.Close() })

	v4, v6 := netip.MustParsePrefix("192.168.50.1/24"), netip.MustParsePrefix("fd50::1/64")
	wire, err := OpenEthernet()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = wire.Close() })
	a := New([]Network{{Interface: "lan", Addresses: []netip.Prefix{v4, v6}}}, kernel, wire, logr.Discard())
	t.Cleanup(a.Close)
	if err := a.Set(t.Context(), Config{Attached: true}); err != nil {
		t.Fatal(err)
	}
	if err := a.Verify(); err != nil {
		t.Fatal(err)
	}
	if err := a.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	mac := frame.MAC{2, 0, 0, 0, 0, 1}
	awaited := map[string][]byte{
		"request":       frame.GratuitousARP(frame.Request, mac, v4.Addr()),
		"reply":         frame.GratuitousARP(frame.Reply, mac, v4.Addr()),
		"advertisement": frame.UnsolicitedAdvertisement(mac, v6.Addr()),
	}
	if err := neighbour.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 2048)
	for len(awaited) > 0 {
		n, _, err := neighbour.ReadFrom(buffer)
		if err != nil {
			t.Fatalf("%v, still waiting for %v", err, awaited)
		}
		for name, f := range awaited {
			if bytes.Equal(buffer[:n], f) {
				delete(awaited, name)
			}
		}
	}

	if err := a.Set(t.Context(), Config{}); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ip", "-o", "address", "show", "dev", "lan").CombinedOutput()
	if err != nil || strings.Contains(string(out), "192.168.50") || strings.Contains(string(out), "fd50") {
		t.Errorf("after the withdrawal: %s %v", out, err)
	}
}

// The real kernel forwards, and stops at the deadline.
func TestGateOnTheRealKernel(t *testing.T) {
	kernel := isolate(t)
	now := time.Hour
	g := gate.New([]string{"lan"}, kernel, func() time.Duration { return now }, logr.Discard())
	forwarding := func() bool {
		link, err := kernel.Link("lan")
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("ip", "-6", "rule").CombinedOutput()
		if err != nil {
			t.Fatal(err)
		}
		if dropped := strings.Contains(string(out), "iif lan blackhole"); dropped == link.IPv4.Forwarding {
			t.Errorf("IPv4 forwarded: %t, IPv6 dropped: %t", link.IPv4.Forwarding, dropped)
		}
		return link.IPv4.Forwarding
	}
	if err := g.Set(t.Context(), gate.Config{Until: now + time.Second}); err != nil || !forwarding() {
		t.Errorf("opened: %t %v", forwarding(), err)
	}
	if err := g.Set(t.Context(), gate.Config{}); err != nil || forwarding() {
		t.Errorf("closed: %t %v", !forwarding(), err)
	}
}
