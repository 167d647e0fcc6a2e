package replication

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/benchmark/internal/conntrackd"
	"github.com/hapair-io/hapair/test/benchmark/internal/process"
	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/poll"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/connections"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// The systems that are measured.
const (
	hapair = "hapair"
	cached = "conntrackd cached"
	direct = "conntrackd direct"
)

// Systems returns the names of all systems.
func Systems() []string { return []string{hapair, cached, direct, kernel} }

// patience is the longest time to wait for a condition.
const patience = 3 * time.Minute

// system replicates from the primary to the secondary.
type system interface {
	network() *testbed.Network
	// processes returns the IDs of the processes to measure: that of the primary, and that of the secondary.
	processes() []int
	// held returns the number of connections that the secondary has, where the system stores them.
	held() (int, error)
	// compare returns how many of the connections are missing there, and how many others are there.
	compare(live connections.Span) (missing, surplus int)
	// empty kills the secondary's process and deletes its connections.
	empty()
	// refill starts the process again, and returns when all connections of the primary are usable there.
	refill(connections int)
}

// start starts a system on a network of its own, in which the primary forwards. It returns nil for the kernel alone.
func start(t testing.TB, name, directory string, options pair.Options) system {
	t.Helper()
	if name == kernel {
		return nil
	}
	if name == hapair {
		p := pair.New(t, options)
		return &engines{t: t, Pair: p, before: count(t, p.Secondary)}
	}
	d := &daemons{t: t, n: testbed.NewNetwork(t), direct: name == direct, directory: directory}
	d.n.Primary.Link(t, "lan0").Address(testbed.VirtualLAN.String())
	d.n.Primary.Link(t, "wan0").Address(testbed.VirtualWAN.String())
	d.primary = d.run(d.n.Primary, "primary", testbed.PrimarySync, testbed.SecondarySync)
	d.secondary = d.run(d.n.Secondary, "secondary", testbed.SecondarySync, testbed.PrimarySync)
	d.awaitListening()
	return d
}

// engines is hapair.
type engines struct {
	*pair.Pair
	t      testing.TB
	before int
}

func (e *engines) network() *testbed.Network { return e.Network }
func (e *engines) processes() []int          { return []int{e.Active.PID(), e.Standby.PID()} }
func (e *engines) held() (int, error)        { return count(e.t, e.Secondary) - e.before, nil }

func (e *engines) compare(live connections.Span) (missing, surplus int) {
	return connections.Compare(e.t, e.Secondary, live)
}

func (e *engines) empty() {
	e.Standby.Kill()
	flush(e.t, e.Secondary)
}

func (e *engines) refill(connections int) {
	e.Standby = e.Start("secondary")
	e.Standby.Join(1)
	await(e.t, "the standby to be in sync", func() error {
		if held := count(e.t, e.Secondary); held < connections || !e.Active.Status().InSync {
			return fmt.Errorf("%d connections there", held)
		}
		return nil
	})
}

// daemons is conntrackd.
type daemons struct {
	t                  testing.TB
	n                  *testbed.Network
	direct             bool
	directory          string
	primary, secondary *process.Process
	before             int // number of connections on the secondary when the measurement began
}

func (d *daemons) file(name string) string { return filepath.Join(d.directory, name) }

func (d *daemons) run(on *testbed.Namespace, name, own, peer string) *process.Process {
	d.t.Helper()
	text := conntrackd.Configuration{
		Tuned: true, Ordinary: true, Direct: d.direct, Own: own, Peer: peer,
		Log: d.file(name + ".log"), Lock: d.file(name + ".lock"),
		Socket: d.file(name + ".ctl"), Ignored: []string{testbed.PrimarySync, testbed.SecondarySync},
	}.Render()
	err := errors.Join(os.MkdirAll(d.directory, 0o700), os.WriteFile(d.file(name+".conf"), []byte(text), 0o600))
	if err != nil {
		d.t.Fatalf("Configuring conntrackd: %v", err)
	}
	_ = os.Remove(d.file(name + ".ctl")) // of an earlier process
	_ = os.Remove(d.file(name + ".lock"))
	p := process.Start(d.t, namespace.Named(on.Name), d.file(name+".out"),
		exec.Command(conntrackd.Program, "-C", d.file(name+".conf")))
	await(d.t, "conntrackd", func() error {
		p.Running()
		_, err := os.Stat(d.file(name + ".ctl"))
		return err
	})
	return p
}

// probes is the number of the first connection that tests whether the daemons replicate yet.
const probes = 8_000_000

// awaitListening creates connections until one of them has reached the secondary. The daemons open their sockets for
// commands before they listen to the kernel, and miss the events in between.
func (d *daemons) awaitListening() {
	d.t.Helper()
	own := count(d.t, d.n.Secondary)
	table, made := connections.Open(d.t, d.n.Primary), 0
	await(d.t, "the daemons to replicate", func() error {
		connections.Create(d.t, table, probes+made, 1)
		made++
		held, err := d.holds()
		if err == nil && (d.direct && held <= own || held == 0) {
			err = fmt.Errorf("none of %d connections was", made)
		}
		return err
	})
	settled := -1
	await(d.t, "the daemons to settle", func() error {
		held, err := d.holds()
		if err == nil && held != settled {
			err = fmt.Errorf("the secondary holds %d, and %d before", held, settled)
		}
		settled = held
		return err
	})
	d.before = settled
}

func (d *daemons) network() *testbed.Network { return d.n }
func (d *daemons) processes() []int          { return []int{d.primary.PID(), d.secondary.PID()} }

func (d *daemons) held() (int, error) {
	held, err := d.holds()
	return held - d.before, err
}

// compare compares numbers where it cannot read the connections of the secondary.
func (d *daemons) compare(live connections.Span) (missing, surplus int) {
	d.t.Helper()
	if d.direct {
		missing, surplus = connections.Compare(d.t, d.n.Secondary, live)
		return missing, max(surplus-d.before, 0) // the probes are among the others
	}
	held, err := d.held()
	if err != nil {
		d.t.Fatal(err)
	}
	return max(live.Len()-held, 0), max(held-live.Len(), 0)
}

// holds returns the number of connections on the secondary, including those from before the measurement.
func (d *daemons) holds() (int, error) {
	if d.direct {
		return count(d.t, d.n.Secondary), nil
	}
	return conntrackd.Cached(d.n.Secondary, d.file("secondary.conf"))
}

// command sends a command to the daemon of the secondary.
func (d *daemons) command(command string) {
	d.t.Helper()
	if _, err := conntrackd.Command(d.n.Secondary, d.file("secondary.conf"), command); err != nil {
		d.t.Fatal(err)
	}
}

func (d *daemons) empty() {
	d.secondary.Kill()
	flush(d.t, d.n.Secondary)
}

func (d *daemons) refill(connections int) {
	d.secondary = d.run(d.n.Secondary, "secondary", testbed.SecondarySync, testbed.PrimarySync)
	d.command("-n") // requests all connections from the peer
	awaitHeld(d.t, d, connections)
	if !d.direct {
		d.command("-c") // commits the cache to the kernel
	}
	await(d.t, "all connections to be in the kernel", func() error {
		if n := count(d.t, d.n.Secondary); n < connections {
			return fmt.Errorf("%d are", n)
		}
		return nil
	})
}

// await waits until ask returns no error.
func await(t testing.TB, what string, ask func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := poll.Until(ctx, 20*time.Millisecond, what, func(context.Context) error { return ask() })
	if err != nil {
		t.Fatal(err)
	}
}

// awaitHeld waits until the secondary holds a number of connections.
func awaitHeld(t testing.TB, s system, connections int) {
	t.Helper()
	await(t, "the secondary to hold all connections", func() error {
		held, err := s.held()
		if err == nil && held < connections {
			err = fmt.Errorf("it holds %d of %d", held, connections)
		}
		return err
	})
}
