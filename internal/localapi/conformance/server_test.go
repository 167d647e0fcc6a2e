package conformance_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/clock"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/localapi"
	"github.com/hapair-io/hapair/internal/localapi/conformance"
	"github.com/hapair-io/hapair/internal/localapi/server"
	"github.com/hapair-io/hapair/internal/state"
)

// The kit plays a sidecar. What passes it must also work with the server of a real one.
func TestReferenceProvidersWorkWithTheServer(t *testing.T) {
	t.Run("Go", func(t *testing.T) {
		t.Parallel()
		playWithServer(t, tickets(t, build(t)))
	})
	t.Run("shell", func(t *testing.T) {
		t.Parallel()
		playWithServer(t, shell(t))
	})
}

func playWithServer(t *testing.T, config conformance.Config) {
	u := newUnit(t)
	u.server.Become(localapi.Active, 7)
	end := u.start(config)
	u.expect(config, "begin", "client-1", true)
	u.expect(config, "begin", "client-2", true)
	u.expect(config, "end", "client-2", true)
	if keys := u.keys(); !slices.Equal(keys, []string{"tickets/client-1"}) {
		t.Errorf("the sidecar has %q", keys)
	}

	t.Log("The provider is killed")
	end()
	end = u.start(config)
	u.expect(config, "check", "client-1", true)
	u.expect(config, "check", "client-2", false)

	t.Log("The unit is standby, and then active again")
	u.server.Become(localapi.Standby, 8)
	u.expect(config, "begin", "client-3", false)
	u.server.Become(localapi.Active, 9)
	u.expect(config, "check", "client-1", true)
	u.expect(config, "begin", "client-3", true)
	end()
	if keys := u.keys(); !slices.Equal(keys, []string{"tickets/client-1", "tickets/client-3"}) {
		t.Errorf("the sidecar has %q", keys)
	}
}

// unit is the server of a sidecar whose peer has everything at once.
type unit struct {
	t         *testing.T
	server    *server.Server
	tables    *table.Set
	directory string
}

func newUnit(t *testing.T) *unit {
	t.Helper()
	u := &unit{t: t, directory: t.TempDir(), tables: table.NewSet(state.Classes(), clock.Boot)}
	for _, f := range u.tables.Factories() {
		if _, err := f.New(class.Options{}); err != nil { // as if it was replicated
			t.Fatal(err)
		}
	}
	provider := contract.Provider{Name: "tickets", UID: int64(os.Getuid()), Writes: []string{"tickets"}}
	if err := os.Mkdir(filepath.Join(u.directory, provider.Name), 0o755); err != nil {
		t.Fatal(err)
	}
	u.server = server.New(server.Config{
		Pair: "edge", Namespace: "default", Unit: contract.Primary, Directory: u.directory,
		Providers: []contract.Provider{provider}, Catalogue: state.Classes(), Tables: u.tables,
		Flush:        func(context.Context, state.Class) error { return nil },
		IsPeerInSync: func() bool { return true },
		Log:          logr.Discard(),
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { u.server.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return u
}

// start starts the provider, and returns a function that kills it.
func (u *unit) start(config conformance.Config) (end func()) {
	u.t.Helper()
	command := exec.Command(config.Command[0], config.Command[1:]...)
	command.Env = append(os.Environ(), "HAPAIR_SOCKET="+server.SocketOf(u.directory, "tickets"))
	command.Stdout, command.Stderr = u.t.Output(), u.t.Output()
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := command.Start(); err != nil {
		u.t.Fatal(err)
	}
	end = sync.OnceFunc(func() {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
		_ = command.Wait() // it was killed
	})
	u.t.Cleanup(end)
	return end
}

// expect calls the probe until it is granted or refused, as wanted.
func (u *unit) expect(config conformance.Config, action, client string, granted bool) {
	u.t.Helper()
	var output []byte
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		arguments := append(slices.Clone(config.Probe[1:]), action, client)
		var err error
		output, err = exec.CommandContext(u.t.Context(), config.Probe[0], arguments...).CombinedOutput()
		if (err == nil) == granted {
			return
		}
	}
	u.t.Fatalf("Probe %s %s: granted is not %v: %s", action, client, granted, output)
}

// keys returns the keys of class Custom, sorted.
func (u *unit) keys() []string {
	custom, ok := u.tables.Table(state.Custom)
	if !ok {
		u.t.Fatal("there is no class Custom")
	}
	entries, _ := custom.List("")
	var keys []string
	for _, e := range entries {
		keys = append(keys, e.Key)
	}
	slices.Sort(keys)
	return keys
}
