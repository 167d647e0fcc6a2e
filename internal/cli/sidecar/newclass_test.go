package sidecar

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/classtest"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/credentials"
	"github.com/hapair-io/hapair/internal/replication/engine"
	"github.com/hapair-io/hapair/internal/replication/transport"
	"github.com/hapair-io/hapair/internal/state"
)

// A new class is a row of the catalogue, a package with a factory, and a line in the list of factories. This file has
// all three for a class of toys, and shows that nothing else is needed to replicate it.

const toys state.Class = 200

// toyRow returns the row of the catalogue.
func toyRow() state.Row {
	return state.Row{ID: toys, Name: "Toys", Default: state.NotReplicated, Weight: 2, Summary: "Toys and their owners."}
}

// toyOptions are the class's own options.
type toyOptions struct {
	Box string `json:"box"`
}

// toyFactory returns a factory that hands the class that it makes to the test.
func toyFactory(made func(*classtest.Memory, toyOptions)) class.Factory {
	return class.Factory{ID: toys, New: func(o class.Options) (class.Class, error) {
		var own toyOptions
		if err := json.Unmarshal(o.Document, &own); err != nil {
			return class.Class{}, err
		}
		memory := classtest.NewMemory(toys)
		made(memory, own)
		return memory.Class(), nil
	}}
}

func TestNewClassIsReplicated(t *testing.T) {
	network := loopback(t)
	active, standby := startToyUnit(t, "primary", "secondary", network), startToyUnit(t, "secondary", "primary", network)
	standby.SetPeer(netip.MustParseAddr("127.0.0.1"))
	active.toys.Put("before", "a train")
	active.Become(engine.RoleActive, 1)
	standby.Become(engine.RoleStandby, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	active.awaitInSync(ctx)
	cost := active.Costs()[toys.String()]
	if cost.Entries == nil || *cost.Entries != 1 || cost.SentBytes == 0 {
		t.Errorf("the first synchronization of one entry costs %+v", cost)
	}

	for i := range 1000 {
		active.toys.Put(fmt.Sprint("after-", i), "a kite")
	}
	active.toys.Remove("after-7")
	if err := active.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if got, want := standby.toys.Entries(), active.toys.Entries(); len(want) != 1000 || !maps.Equal(got, want) {
		t.Errorf("the standby has %d entries, the active %d", len(got), len(want))
	}
}

// toyUnit is an engine of a unit that replicates toys and nothing else.
type toyUnit struct {
	*engine.Engine
	t    *testing.T
	toys *classtest.Memory
}

func startToyUnit(t *testing.T, name, peer string, network loopbackNetwork) *toyUnit {
	t.Helper()
	u := &toyUnit{t: t}
	settings := replicating(contract.SyncClass{Name: "Toys", Options: json.RawMessage(`{"box":"red"}`)})
	factory := toyFactory(func(memory *classtest.Memory, o toyOptions) {
		if u.toys = memory; o.Box != "red" {
			t.Errorf("options %+v", o)
		}
	})
	classes, closeAll, err := openClasses(settings, nil, append(state.Classes(), toyRow()), []class.Factory{factory})
	if err != nil {
		t.Fatal(err)
	}
	config := engine.Config{
		Pair: "edge", Namespace: "default", Unit: name, Peer: peer, Incarnation: name + "/1", PeerPort: network.port(),
		TLS: network.credentials(t, name, peer), Classes: classes, Network: network,
		Log: testr.New(t).WithName(name),
	}
	if name == "primary" {
		config.ListenAddress = network.listener.Addr().String()
	}
	if u.Engine, err = engine.New(config); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := u.Run(ctx); err != nil {
			t.Errorf("Running %s: %v", name, err)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		if err := closeAll(); err != nil {
			t.Error(err)
		}
	})
	return u
}

func (u *toyUnit) awaitInSync(ctx context.Context) {
	u.t.Helper()
	for {
		select {
		case e := <-u.Events():
			if e == (engine.SyncChanged{InSync: true}) {
				return
			}
		case <-ctx.Done():
			u.t.Fatal("the pair is not in sync")
		}
	}
}

// loopbackNetwork is TCP on a port of this machine that the kernel chose.
type loopbackNetwork struct {
	transport.TCP
	listener  net.Listener
	authority credentials.KeyPair
}

func loopback(t *testing.T) loopbackNetwork {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	authority, err := credentials.NewAuthority(credentials.Domain("edge", "default"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return loopbackNetwork{listener: listener, authority: authority}
}

func (l loopbackNetwork) Listen(context.Context, string) (net.Listener, error) {
	return l.listener, nil
}

func (l loopbackNetwork) port() uint16 {
	return netip.MustParseAddrPort(l.listener.Addr().String()).Port()
}

func (l loopbackNetwork) credentials(t *testing.T, name, peer string) transport.Source {
	t.Helper()
	pair, err := credentials.Issue(l.authority, credentials.UnitName(name, "edge", "default"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(l.authority.Certificate)
	return func() (*tls.Config, error) {
		return transport.Config(certificate, pool, credentials.UnitName(peer, "edge", "default")), nil
	}
}
