//go:build netns

package firewall_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/elements"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/ruleset"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
)

// dynamicPolicies let the LAN reach the addresses of a name, and port 81 of every host after a knock at port 7000.
const dynamicPolicies = head + `
  addresses:
  - {name: updates, fqdn: [updates.example.com]}
  - {name: knockers, dynamic: true}
  services:
  - {name: knock, protocol: UDP, ports: [7000]}
  - {name: behind, protocol: TCP, ports: [81]}
  policies:
  - {name: updates, from: [lan], to: [wan], destination: [updates], action: Accept}
  - {name: knock, from: [lan], to: [firewall], services: [knock], action: Drop,
     remember: {object: knockers, seconds: 600}}
  - {name: knocked, from: [lan], to: [wan], source: [knockers], services: [behind], action: Accept}
  sourceNAT:
  - {name: out, to: wan, address: 203.0.113.1}
  resolvers: [203.0.113.9]
`

// The addresses of the name: one at first, and the other one after a change.
const firstAnswer, secondAnswer = "203.0.113.10", "203.0.113.11"

// dynamicUnit is a firewall with a resolver on the server, whose role the test decides.
type dynamicUnit struct {
	*bed
	isActive atomic.Bool
	dnsmasq  *testbed.Program
	log      string
	kernel   nftables.Kernel
}

func newDynamicUnit(t *testing.T) *dynamicUnit {
	t.Helper()
	u := &dynamicUnit{bed: newBed(t), log: filepath.Join(t.TempDir(), "dnsmasq.log")}
	u.firewall.ServeHTTP(t, fmt.Sprintf("%s:%d", podAddress, contract.HealthPort),
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			role := "Standby"
			if u.isActive.Load() {
				role = "Active"
			}
			if r.URL.Path == contract.RolePath {
				_, _ = fmt.Fprintln(w, role)
			}
		}))
	u.server.Link(t, "eth0").Address(firstAnswer + "/24").Address(secondAnswer + "/24")
	for _, at := range []string{serverAddress + ":80", serverAddress + ":81", firstAnswer + ":80", secondAnswer + ":80"} {
		u.server.ServeTCP(t, at, func(conn net.Conn) { _ = conn.Close() })
	}
	u.kernel = testbed.Open(t, u.firewall, func() (nftables.Kernel, error) {
		k := nftables.Open()
		_, err := k.Generation()
		return k, err
	})
	u.apply(dynamicPolicies)
	return u
}

// resolve starts a DNS server that answers with an address for the name.
func (u *dynamicUnit) resolve(address string) {
	u.Helper()
	u.dnsmasq = u.server.StartProgram(u, exec.Command("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null",
		"--pid-file=", "--user=root", "--no-resolv", "--no-hosts", "--local=/example.com/",
		"--listen-address="+serverAddress, "--bind-interfaces",
		"--host-record=updates.example.com,"+address+",60", "--log-queries", "--log-facility="+u.log))
	u.Cleanup(u.dnsmasq.Kill)
}

// questions returns how many questions the DNS server has received.
func (u *dynamicUnit) questions() int {
	text, err := os.ReadFile(u.log)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		u.Fatal(err)
	}
	return strings.Count(string(text), "query[")
}

// reaches reports whether the client can connect to a TCP port of the server.
func (u *dynamicUnit) reaches(address string) func() bool {
	return func() bool {
		err := u.client.Do(func() error {
			conn, err := net.DialTimeout("tcp", address, 300*time.Millisecond)
			if err != nil {
				return err
			}
			return conn.Close()
		})
		return err == nil
	}
}

func (u *dynamicUnit) knock() {
	u.Helper()
	conn := u.client.DialUDP(u, clientAddress+":0", lanAddress+":7000")
	if _, err := conn.Write([]byte("knock")); err != nil {
		u.Fatal(err)
	}
}

// remaining returns how long each address of an object still lives.
func (u *dynamicUnit) remaining(object string) map[netip.Addr]time.Duration {
	u.Helper()
	all := map[netip.Addr]time.Duration{}
	set := nftables.Set{Name: plan.DynamicSet(object, ruleset.IPv4)}
	err := u.kernel.Elements(plan.Table, set, func(e nftables.Element) error {
		address, _ := netip.AddrFromSlice(e.Key)
		all[address] = e.Remaining
		return nil
	})
	if err != nil {
		u.Fatal(err)
	}
	return all
}

// class returns the class of the unit's elements.
func (u *dynamicUnit) class() class.Class {
	u.Helper()
	return testbed.Open(u.T, u.firewall, func() (*elements.Elements, error) {
		return elements.New(elements.Config{
			ID: state.DynamicAddressObjects, Table: plan.Table, Prefixes: []string{ruleset.DynamicAddressPrefix},
		})
	}).Class()
}

// replicate sends the elements of one unit to another one until the test ends.
func replicate(t *testing.T, from, to *dynamicUnit) {
	t.Helper()
	active, standby := from.class(), to.class()
	apply := func(changes []state.Change) error {
		outcome, err := standby.Sink.Apply(context.WithoutCancel(t.Context()), changes)
		return errors.Join(err, outcome.Err)
	}
	var watch class.Watch
	err := from.firewall.Do(func() (err error) { watch, err = active.Source.Watch(); return err })
	if err == nil {
		err = active.Source.Snapshot(t.Context(), apply)
	}
	if err != nil {
		t.Fatal(err)
	}
	testbed.Background(t, func(ctx context.Context) {
		defer func() { _ = watch.Close() }()
		for ctx.Err() == nil {
			batch, err := watch.Receive(ctx)
			if err == nil {
				err = apply(batch.Changes)
			}
			if err != nil && ctx.Err() == nil {
				t.Errorf("replicating: %v", err)
				return
			}
		}
	})
}

// A unit asks for names while it is active, and lets connections to their addresses pass. A resolver that is gone, a
// changed document and a restart remove no address, and neither does an answer that changes.
func TestAddressesOfNamesAreKept(t *testing.T) {
	u := newDynamicUnit(t)
	u.resolve(firstAnswer)
	testbed.Pause(t, 2500*time.Millisecond)
	if n := u.questions(); n > 0 || u.reaches(firstAnswer+":80")() {
		t.Errorf("a standby asked %d questions", n)
	}
	u.isActive.Store(true)
	testbed.Eventually(t, "the client reaches the address of the name", u.reaches(firstAnswer+":80"))
	if u.reaches(serverAddress + ":80")() {
		t.Error("the client reaches an address that is not that of the name")
	}
	// The lifetime of the answer is a minute, and the grace period ten.
	life := u.remaining("updates")[netip.MustParseAddr(firstAnswer)]
	if life < 10*time.Minute+50*time.Second || life > 11*time.Minute {
		t.Errorf("the address lives for %v, want 11 minutes", life)
	}
	u.dnsmasq.Kill()
	u.apply(dynamicPolicies + "  logging: {dropped: true}\n")
	if after := u.remaining("updates")[netip.MustParseAddr(firstAnswer)]; after == 0 || !u.reaches(firstAnswer+":80")() {
		t.Error("a changed document removed the address")
	}
	u.program.Terminate()
	u.resolve(secondAnswer)
	u.start()
	testbed.Eventually(t, "the client reaches the new address of the name", u.reaches(secondAnswer+":80"))
	if !u.reaches(firstAnswer + ":80")() {
		t.Error("the former address went with the new answer")
	}
}

// Another program removes the table of the active. The firewall makes it again with the addresses of names, although
// the resolver is away and no sidecar puts elements back.
func TestAddressesOfNamesReturnWithTheTable(t *testing.T) {
	u := newDynamicUnit(t)
	u.resolve(firstAnswer)
	u.isActive.Store(true)
	address := netip.MustParseAddr(firstAnswer)
	hasAddress := func() bool { return u.remaining("updates")[address] > 0 }
	testbed.Eventually(t, "the unit has the address of the name", hasAddress)
	before := u.remaining("updates")[address]
	u.dnsmasq.Kill()
	u.nft("delete table inet hapair")
	const tries, pause = 100, 10 * time.Millisecond // a second
	n := 0
	for ; n < tries && !hasAddress(); n++ {
		testbed.Pause(t, pause)
	}
	after := u.remaining("updates")[address]
	t.Logf("the address has returned after %d tries, with %v left of %v", n, after, before)
	if n == tries || after > before {
		t.Errorf("the address has %v left of %v after %d tries", after, before, n)
	}
}

// A new active has all dynamic addresses without any resolver, each with the time that it had on the former active. The
// control is a unit without the class: there, nothing passes.
func TestDynamicAddressesSurviveASwitch(t *testing.T) {
	active, standby, control := newDynamicUnit(t), newDynamicUnit(t), newDynamicUnit(t)
	replicate(t, active, standby)
	active.resolve(firstAnswer)
	active.isActive.Store(true)
	active.knock()
	testbed.Eventually(t, "the active lets the client pass", func() bool {
		return active.reaches(firstAnswer+":80")() && active.reaches(serverAddress+":81")()
	})
	eventually := gomega.NewWithT(t)
	for object, address := range map[string]string{"updates": firstAnswer, "knockers": clientAddress} {
		a := netip.MustParseAddr(address)
		eventually.Eventually(func() map[netip.Addr]time.Duration { return standby.remaining(object) }, 3*time.Second).
			Should(gomega.HaveKey(a))
		had, has := active.remaining(object)[a], standby.remaining(object)[a]
		if had == 0 || (had-has).Abs() > time.Second {
			t.Errorf("%s of %s has %v left on the active and %v on the standby", address, object, had, has)
		}
	}
	// The active is gone with the resolver. The others have none.
	active.isActive.Store(false)
	active.dnsmasq.Kill()
	standby.isActive.Store(true)
	control.isActive.Store(true)
	standby.apply(dynamicPolicies + "  logging: {dropped: true}\n")
	testbed.Pause(t, 2500*time.Millisecond)
	for _, address := range []string{firstAnswer + ":80", serverAddress + ":81"} {
		if !standby.reaches(address)() {
			t.Errorf("the new active does not let the client pass to %s", address)
		}
		if control.reaches(address)() {
			t.Errorf("a unit without the class lets the client pass to %s", address)
		}
	}
}
