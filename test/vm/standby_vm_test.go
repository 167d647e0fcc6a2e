//go:build vm

package vm_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/connectioncache"
	"github.com/hapair-io/hapair/internal/credentials"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/replication/engine"
	"github.com/hapair-io/hapair/internal/replication/transport"
	"github.com/hapair-io/hapair/test/poll"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/vm"
)

const (
	pairName      = "edge"
	pairNamespace = "default"
	syncPort      = 7780
	active        = "primary"
	standby       = "secondary"
	// identityFile has the standby's certificate.
	identityFile = "/identity.json"
	// connections is how many are replicated.
	connections = 1000
	// limit bounds each wait in the guest.
	limit = time.Minute
)

// TestEndsOfReplicatedConnectionsAreReportedByAKernelOfItsOwn checks what a promoted unit reports of connections that
// it wrote while nothing in its kernel listened to conntrack. On one machine that cannot be tested: from Linux 6.3 on,
// a listener in any namespace makes the entries of all namespaces report events.
func TestEndsOfReplicatedConnectionsAreReportedByAKernelOfItsOwn(t *testing.T) {
	testbed.Own().Link(t, "lo").Up()
	a, identity := startActive(t)
	guest := vm.Boot(t, vm.Config{
		Program: "standby", Files: map[string][]byte{identityFile: identity}, Modules: conntrackModules(),
	})
	guest.Await("standby in sync")
	if err := a.Relinquish(t.Context(), 2, 0); err != nil {
		t.Fatalf("Relinquishing: %v", err)
	}
	a.Become(engine.RoleStandby, 2)
	guest.Wait() // It has ended every connection, and has sent what its kernel reported of that.
	if n := len(replicated(t)); n != 0 {
		t.Errorf("%d of %d connections are left here: their ends were not reported by the new active's kernel",
			n, connections)
	}
}

// conntrackModules returns the modules that writing connections needs. The guest has no program that loads them.
func conntrackModules() []string { return []string{"nf_conntrack_netlink", "nf_nat"} }

// startActive starts the active unit in the network namespace of this process, with connections. It returns the
// identity of its peer.
func startActive(t *testing.T) (*engine.Engine, []byte) {
	t.Helper()
	table, err := conntrack.OpenTable()
	if err != nil {
		t.Fatal(err)
	}
	results, err := table.Do(requests(conntrack.Create), nil)
	for _, r := range results {
		err = errors.Join(err, r.Err)
	}
	if err = errors.Join(err, table.Close()); err != nil {
		t.Fatalf("Writing connections: %v", err)
	}
	authority, err := credentials.NewAuthority(credentials.Domain(pairName, pairNamespace), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	own, peers := issue(t, authority, active), issue(t, authority, standby)
	u, err := newUnit(active, standby, own, logr.Discard())
	if err != nil {
		t.Fatal(err)
	}
	testbed.Background(t, func(ctx context.Context) {
		if err := errors.Join(u.engine.Run(ctx), u.classes.Close()); err != nil {
			t.Errorf("Running the active unit: %v", err)
		}
	})
	u.engine.Become(engine.RoleActive, 1)
	text, err := json.Marshal(peers)
	if err != nil {
		t.Fatal(err)
	}
	return u.engine, text
}

// runStandby runs a unit in the guest. It becomes standby, takes over, and ends every connection.
func runStandby(ctx context.Context, _ []string) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var own identity
	text, err := os.ReadFile(identityFile)
	if err == nil {
		err = json.Unmarshal(text, &own)
	}
	if err != nil {
		return fmt.Errorf("reading the unit's identity: %w", err)
	}
	log := funcr.New(func(prefix, args string) { fmt.Println(prefix, args) }, funcr.Options{})
	u, err := newUnit(standby, active, own, log)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- u.engine.Run(ctx) }()
	if err := u.takeOver(ctx); err != nil {
		return err
	}
	cancel()
	return errors.Join(<-ended, u.classes.Close())
}

// takeOver becomes active once the peer relinquishes, and ends every connection then.
func (u *unit) takeOver(ctx context.Context) error {
	u.engine.SetPeer(netip.MustParseAddr(vm.HostAddress))
	u.engine.Become(engine.RoleStandby, 1)
	if err := u.awaitSync(ctx); err != nil {
		return err
	}
	fmt.Println("standby in sync")
	if err := u.awaitRelinquish(ctx); err != nil {
		return err
	}
	if err := u.engine.Commit(ctx); err != nil {
		return err
	}
	u.engine.Become(engine.RoleActive, 2)
	if err := u.awaitSync(ctx); err != nil {
		return err
	}
	// This table is opened after the entries were written, so it cannot make them report events.
	table, err := conntrack.OpenTable()
	if err != nil {
		return err
	}
	results, err := table.Do(requests(conntrack.Delete), nil)
	for _, r := range results {
		err = errors.Join(err, r.Err)
	}
	if err = errors.Join(err, table.Close()); err != nil {
		return fmt.Errorf("ending the connections: %w", err)
	}
	return u.engine.Flush(ctx)
}

func (u *unit) awaitSync(ctx context.Context) error {
	return poll.Until(ctx, 10*time.Millisecond, "the units to be in sync", func(context.Context) error {
		if s := u.engine.Status(); !s.InSync {
			return fmt.Errorf("replication stands at %+v", s)
		}
		return nil
	})
}

func (u *unit) awaitRelinquish(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the peer to relinquish: %w", ctx.Err())
		case e := <-u.engine.Events():
			if _, ok := e.(engine.PeerRelinquished); ok {
				return nil
			}
		}
	}
}

// unit is a unit that replicates connections and takes no decisions.
type unit struct {
	engine  *engine.Engine
	classes *connectioncache.ConnectionCache
}

func newUnit(name, peer string, own identity, log logr.Logger) (*unit, error) {
	source, err := own.source(peer)
	if err != nil {
		return nil, err
	}
	classes, err := connectioncache.New(connectioncache.Config{})
	if err != nil {
		return nil, err
	}
	config := engine.Config{
		Pair: pairName, Namespace: pairNamespace, Unit: name, Peer: peer, Incarnation: name + "/1", PeerPort: syncPort,
		TLS: source, Classes: []class.Class{classes.Class()}, Log: log,
	}
	if name == active {
		config.ListenAddress = fmt.Sprint(":", syncPort)
	}
	e, err := engine.New(config)
	return &unit{engine: e, classes: classes}, err
}

// identity is a unit's certificate and the authority of its pair.
type identity struct{ Certificate, Key, Authority []byte }

func issue(t *testing.T, authority credentials.KeyPair, unit string) identity {
	t.Helper()
	pair, err := credentials.Issue(authority, credentials.UnitName(unit, pairName, pairNamespace), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return identity{pair.Certificate, pair.Key, authority.Certificate}
}

func (i identity) source(peer string) (transport.Source, error) {
	certificate, err := tls.X509KeyPair(i.Certificate, i.Key)
	if err != nil {
		return nil, fmt.Errorf("reading the unit's certificate: %w", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(i.Authority)
	return func() (*tls.Config, error) {
		return transport.Config(certificate, pool, credentials.UnitName(peer, pairName, pairNamespace)), nil
	}, nil
}

// requests returns an operation for each of the connections.
func requests(operation conntrack.Operation) []conntrack.Request {
	all := make([]conntrack.Request, 0, connections)
	for i := range connections {
		f := conntrack.Flow{
			Orig: conntrack.Tuple{
				Protocol: conntrack.ProtocolTCP, Src: netip.MustParseAddr("192.168.50.10"),
				Dst: netip.MustParseAddr("203.0.113.9"), SrcPort: uint16(10000 + i), DstPort: 80,
			},
			Fields: conntrack.FieldStatus | conntrack.FieldTimeout | conntrack.FieldTCPState | conntrack.FieldTCPWindow,
			Status: conntrack.StatusConfirmed | conntrack.StatusSeenReply | conntrack.StatusAssured, TimeoutSeconds: 3600,
			TCP: conntrack.TCP{State: conntrack.TCPEstablished, ScaleOrig: 7, ScaleReply: 7, FlagsOrig: 3, FlagsReply: 3},
		}
		f.Reply = f.Orig.Inverse()
		all = append(all, conntrack.Request{Operation: operation, Flow: f})
	}
	return all
}

// replicated returns the connections in the table of this namespace that the test has written.
func replicated(t *testing.T) (all []string) {
	t.Helper()
	err := conntrack.Dump(t.Context(), func(f conntrack.Flow) error {
		if f.Orig.DstPort == 80 {
			all = append(all, fmt.Sprint(f.Orig))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestEndsAreReportedOnOneKernel runs the same check of one namespace on a kernel that needs a listener in the same
// namespace, as kernels before Linux 6.3 do.
func TestEndsAreReportedOnOneKernel(t *testing.T) {
	names := []string{"TestEntriesWrittenBeforeAnyListenerReportChanges", "TestUnitIsSubscribedBeforeItsFirstWrite"}
	guest := vm.Boot(t, vm.Config{
		Program: "tests", Arguments: []string{"-test.v", "-test.run", "^(" + strings.Join(names, "|") + ")$"},
		Files:   vm.CompileTests(t, "../../internal/class/connectioncache", "netns"),
		Modules: conntrackModules(),
	})
	guest.Wait()
	for _, name := range names {
		guest.Await("--- PASS: " + name)
	}
}
