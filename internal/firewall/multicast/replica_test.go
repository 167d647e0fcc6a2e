package multicast_test

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/clock"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/multicast"
	"github.com/hapair-io/hapair/internal/localapi"
	"github.com/hapair-io/hapair/internal/localapi/client"
	"github.com/hapair-io/hapair/internal/localapi/schema"
	"github.com/hapair-io/hapair/internal/localapi/server"
	"github.com/hapair-io/hapair/internal/state"
)

// The sidecar's table has what the proxy of an active unit knows. A proxy that starts on a standby takes it from there,
// also if its document comes later.
func TestEntriesPassTheLocalAPI(t *testing.T) {
	tables := table.NewSet(state.Classes(), clock.Boot)
	owner := contract.Provider{
		Name: contract.ProviderFirewall, UID: int64(os.Getuid()), Writes: []string{state.Multicast.String()},
	}
	directory := t.TempDir()
	if err := os.Mkdir(filepath.Join(directory, owner.Name), 0o700); err != nil {
		t.Fatal(err)
	}
	schemas, err := schema.Published()
	if err != nil {
		t.Fatal(err)
	}
	api := server.New(server.Config{
		Schemas:   schemas,
		Directory: directory, Providers: []contract.Provider{owner}, Catalogue: state.Classes(), Tables: tables,
		Log: logr.Discard(),
	})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	t.Cleanup(cancel)
	running.Go(func() { api.Run(ctx) })
	c := client.New(client.Config{Socket: server.SocketOf(directory, owner.Name), Log: logr.Discard()})
	t.Cleanup(c.Close)
	api.Become(localapi.Standby, 1)

	known, ok := tables.Table(state.Multicast)
	if !ok {
		t.Fatal("the class has no table")
	}
	entry := table.Entry{Key: "route/239.1.2.3/10.2.0.2", Value: []byte(`{"in":"wan"}`)}
	if err := known.Put(entry); err != nil {
		t.Fatal(err)
	}
	proxy := multicast.New(logr.Discard())
	proxy.Replicate(c)
	running.Go(func() { proxy.Run(ctx) })
	proxy.Set(&multicast.Config{
		Upstream: "wan", Downstream: []string{"lan"}, Groups: []netip.Prefix{netip.MustParsePrefix("239.0.0.0/8")},
	})
	for end := time.Now().Add(20 * time.Second); len(proxy.Entries()) != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the proxy has %d entries", len(proxy.Entries()))
		}
	}
	if got := proxy.Entries()[0]; got.Key != entry.Key || string(got.Value) != string(entry.Value) {
		t.Errorf("the proxy has %+v", got)
	}
}
