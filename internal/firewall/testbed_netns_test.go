//go:build netns

package firewall_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/test/namespace"
)

// The hosts of the testbed. The server has no default route, so it only answers addresses of its own network.
const (
	clientAddress, clientAddress6 = "192.168.50.10", "fd50::10"
	serverAddress, serverAddress6 = "203.0.113.9", "2001:db8:113::9"
	lanAddress, lanAddress6       = "192.168.50.1", "fd50::1"
	wanAddress, wanAddress6       = "203.0.113.1", "2001:db8:113::1"
	podAddress, neighbourAddress  = "10.244.0.2", "10.244.0.1"
)

// head begins every document of these tests.
const head = `
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones:
  - {name: lan, interfaces: [lan]}
  - {name: wan, interfaces: [wan]}
`

// bed is a client, a firewall and a server in a row, and a neighbour on the firewall's own network, eth0.
type bed struct {
	*testing.T
	client, firewall, server, neighbour string
	directory                           string
	program                             *program
}

// builtFirewall is the path of the program under test.
var builtFirewall string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	directory, err := os.MkdirTemp("", "hapair-t-firewall-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(directory) }()
	builtFirewall = filepath.Join(directory, "firewall")
	if out, err := exec.Command("go", "build", "-o", builtFirewall, "../../cmd/firewall").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the firewall: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// newBed connects the hosts and starts the firewall without a document.
func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{T: t, directory: t.TempDir()}
	for _, host := range []struct {
		name *string
		role string
	}{{&b.client, "client"}, {&b.firewall, "fw"}, {&b.server, "server"}, {&b.neighbour, "pod"}} {
		*host.name = fmt.Sprintf("hapair-t-%d-%s", os.Getpid(), host.role)
		b.ip("netns", "add", *host.name)
		t.Cleanup(func() { b.ip("netns", "del", *host.name) })
		b.in(*host.name, "ip", "link", "set", "lo", "up")
	}
	b.in(b.firewall, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
	b.wire("lan", lanAddress+"/24", lanAddress6+"/64", b.client, clientAddress+"/24", clientAddress6+"/64")
	b.wire("wan", wanAddress+"/24", wanAddress6+"/64", b.server, serverAddress+"/24", serverAddress6+"/64")
	b.wire("eth0", podAddress+"/24", "fd00::2/64", b.neighbour, neighbourAddress+"/24", "fd00::1/64")
	b.in(b.client, "ip", "route", "add", "default", "via", lanAddress)
	b.in(b.client, "ip", "route", "add", "default", "via", lanAddress6)
	b.in(b.neighbour, "ip", "route", "add", "default", "via", podAddress)
	b.start()
	return b
}

func (b *bed) wire(name, near, near6, host, far, far6 string) {
	b.Helper()
	b.ip("link", "add", name, "netns", b.firewall, "type", "veth", "peer", "eth0", "netns", host)
	for _, end := range []struct{ host, name, v4, v6 string }{
		{b.firewall, name, near, near6}, {host, "eth0", far, far6},
	} {
		b.in(end.host, "ip", "address", "add", end.v4, "dev", end.name)
		b.in(end.host, "ip", "address", "add", end.v6, "dev", end.name, "nodad")
		b.in(end.host, "ip", "link", "set", end.name, "up")
	}
	if name != "eth0" {
		b.in(b.firewall, "sysctl", "-qw", "net.ipv4.conf."+name+".accept_local=1") // As the gate does.
	}
}

func (b *bed) ip(args ...string) { b.Helper(); b.command("ip", args...) }

// in runs a command on a host.
func (b *bed) in(host string, args ...string) string {
	b.Helper()
	return b.command("ip", append([]string{"netns", "exec", host}, args...)...)
}

func (b *bed) command(name string, args ...string) string {
	b.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		b.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// program is a running firewall.
type program struct {
	command *exec.Cmd
	log     lockedBuffer
}

// start runs the firewall with the flags of a pod, until the test ends or stop is called.
func (b *bed) start() {
	b.Helper()
	p := &program{command: exec.Command("ip", "netns", "exec", b.firewall, builtFirewall,
		"--config="+b.document(), "--status="+b.statusFile())}
	p.command.Stderr = &p.log
	if err := p.command.Start(); err != nil {
		b.Fatal(err)
	}
	b.program = p
	b.Cleanup(func() { b.stop(p) })
}

// stop terminates the firewall as a kubelet does.
func (b *bed) stop(p *program) {
	b.Helper()
	if p.command.ProcessState != nil {
		return
	}
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		b.Error(err)
	}
	if err := p.command.Wait(); err != nil {
		b.Errorf("the firewall ended with %v; it logged:\n%s", err, p.log.String())
	}
	if b.Failed() {
		b.Logf("the firewall logged:\n%s", p.log.String())
	}
}

func (b *bed) document() string   { return filepath.Join(b.directory, "firewall.json") }
func (b *bed) statusFile() string { return filepath.Join(b.directory, "status.json") }

// write mounts a document.
func (b *bed) write(text string) {
	b.Helper()
	next := b.document() + ".next"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	if err := os.Rename(next, b.document()); err != nil {
		b.Fatal(err)
	}
}

// apply mounts a document and waits until it is in force.
func (b *bed) apply(text string) {
	b.Helper()
	b.write(text)
	b.eventually(b.status, gomega.Equal(contract.FirewallStatus{Hash: document.Hash([]byte(text))}))
}

func (b *bed) status() (status contract.FirewallStatus) {
	data, err := os.ReadFile(b.statusFile())
	if err != nil {
		return status
	}
	if err := json.Unmarshal(data, &status); err != nil {
		b.Errorf("the status %q: %v", data, err)
	}
	return status
}

func (b *bed) eventually(actual any, matcher gomega.OmegaMatcher) {
	b.Helper()
	gomega.NewWithT(b).Eventually(actual, 15*time.Second, 5*time.Millisecond).Should(matcher)
}

func at(host string) string { return namespace.Named(host) }

// lockedBuffer is a buffer that the program writes while the test reads.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}
