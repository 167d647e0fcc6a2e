//go:build netns

package network

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/namespace"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/cluster/internal/layout"
)

// ownMounts is set in the process that has its own mounts.
const ownMounts = "HAPAIR_TEST_OWN_MOUNTS"

// TestMain runs the tests with their own names of network namespaces. Names are mounts, so a process with its own
// mounts can create the switch a second time, next to a running cluster.
func TestMain(m *testing.M) {
	if os.Getenv(ownMounts) == "" {
		os.Exit(runWithOwnMounts())
	}
	os.Exit(m.Run())
}

func runWithOwnMounts() int {
	if err := os.MkdirAll(namespace.Directory, 0o755); err != nil {
		panic(err)
	}
	const script = `mount -t tmpfs tmpfs "$0" && exec "$@"`
	command := exec.Command("/bin/sh", append([]string{"-c", script, namespace.Directory}, os.Args...)...)
	command.Env = append(os.Environ(), ownMounts+"=1")
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	command.SysProcAttr = &unix.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	var exit *exec.ExitError
	if err := command.Run(); errors.As(err, &exit) {
		return exit.ExitCode()
	} else if err != nil {
		panic(err)
	}
	return 0
}

func TestCutsKeepTwoNodesApartAndNoOthers(t *testing.T) {
	build(t)
	expect := func(from, to string, reached bool) {
		t.Helper()
		if got := reaches(t, from, to); got != reached {
			t.Errorf("%s reaches %s: %t, want %t", from, to, got, reached)
		}
	}
	if !eventuallyReaches(t, layout.Worker1, layout.Worker2) {
		t.Fatal("the nodes do not reach each other without a cut")
	}
	for range 2 { // cutting is idempotent
		must(t, AddCut(layout.Worker1, layout.Worker2))
	}
	expect(layout.Worker1, layout.Worker2, false)
	expect(layout.Worker2, layout.Worker1, false)
	expect(layout.Worker1, layout.ControlPlane, true)
	expect(layout.ControlPlane, layout.Worker2, true)

	must(t, AddCut(layout.ControlPlane, layout.Worker1))
	cuts, err := Cuts()
	want := []Cut{{layout.ControlPlane, layout.Worker1}, {layout.Worker1, layout.Worker2}}
	if err != nil || !slices.Equal(cuts, want) {
		t.Errorf("cuts = %v, %v; want %v", cuts, err, want)
	}
	for range 2 {
		must(t, RemoveCut(layout.Worker2, layout.Worker1))
	}
	expect(layout.Worker1, layout.Worker2, true)
	expect(layout.ControlPlane, layout.Worker1, false)
	must(t, RemoveCuts())
	expect(layout.ControlPlane, layout.Worker1, true)
}

func TestAnUnpluggedCableCarriesNothing(t *testing.T) {
	build(t)
	host, err := layout.FindHost(layout.Worker1)
	must(t, err)
	cable, err := host.Cable("eth0")
	must(t, err)
	must(t, Unplug(host, cable))
	if Plugged(host, cable) || reaches(t, layout.Worker2, layout.Worker1) {
		t.Error("the cable is still plugged in")
	}
	must(t, Plug(host, cable))
	if !Plugged(host, cable) || !eventuallyReaches(t, layout.Worker2, layout.Worker1) {
		t.Error("the cable is not plugged in again")
	}
}

func TestBuildingAgainChangesNothingAndRemovingLeavesNothing(t *testing.T) {
	build(t)
	build(t)
	if !eventuallyReaches(t, layout.Worker1, layout.Worker2) {
		t.Error("building again has separated two nodes")
	}
	for range 2 {
		for _, host := range layout.Hosts() {
			must(t, DeleteHost(host))
		}
		must(t, namespace.Delete(layout.SwitchNamespace))
	}
	if left, err := os.ReadDir(namespace.Directory); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestAFileThatIsNoNamespaceIsReplaced(t *testing.T) {
	must(t, os.WriteFile(namespace.Named("torn"), nil, 0o444))
	if namespace.Exists("torn") {
		t.Error("a file was accepted as a namespace")
	}
	must(t, namespace.Create("torn"))
	if !namespace.Exists("torn") {
		t.Error("the file was not replaced by a namespace")
	}
	must(t, namespace.Delete("torn"))
}

func build(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		for _, host := range layout.Hosts() {
			must(t, DeleteHost(host))
		}
		must(t, namespace.Delete(layout.SwitchNamespace))
	})
	must(t, CreateSwitch())
	for _, host := range layout.Hosts() {
		must(t, CreateHost(host))
	}
}

// eventuallyReaches waits until one node reaches another. The kernel takes up to a second to detect a carrier.
func eventuallyReaches(t *testing.T, from, to string) bool {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if reaches(t, from, to) {
			return true
		}
	}
	return false
}

// reaches reports whether a datagram gets from one node to another within a generous time.
func reaches(t *testing.T, from, to string) bool {
	t.Helper()
	target, err := layout.FindHost(to)
	must(t, err)
	source, err := layout.FindHost(from)
	must(t, err)
	receiver := open(t, target, netip.AddrPortFrom(target.Address(), 0))
	sender := open(t, source, netip.AddrPortFrom(source.Address(), 0))
	const attempts, interval = 5, 100 * time.Millisecond
	for range attempts {
		// The first datagram may be lost while the neighbour's address is unknown.
		if _, err := sender.WriteTo([]byte("hello"), receiver.LocalAddr()); err != nil {
			continue
		}
		must(t, receiver.SetReadDeadline(time.Now().Add(interval)))
		if _, _, err := receiver.ReadFrom(make([]byte, 16)); err == nil {
			return true
		}
	}
	return false
}

func open(t *testing.T, host layout.Host, address netip.AddrPort) net.PacketConn {
	t.Helper()
	var conn net.PacketConn
	must(t, namespace.Do(namespace.Named(host.Namespace()), func() (err error) {
		conn, err = net.ListenPacket("udp4", address.String())
		return err
	}))
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
