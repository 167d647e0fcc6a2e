package frr

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/frr/configuration"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/localapi"
	"github.com/hapair-io/hapair/internal/mounted"
	"github.com/hapair-io/hapair/internal/notify"
	"github.com/hapair-io/hapair/internal/supervisor"
	"github.com/hapair-io/hapair/internal/supervisor/lifecycle"
)

const (
	// keepInterval is the time between looks at the files, the role and the daemons.
	keepInterval = mounted.Interval
	// loadInterval is the same while a daemon waits for its configuration.
	loadInterval = 50 * time.Millisecond
)

// Config is what a keeper needs.
type Config struct {
	// DocumentFile is the firewall's document, and SecretDirectory has one file for each entry of the Secret.
	DocumentFile, SecretDirectory string
	// Roles follows the role of the unit. It is nil for a unit that is always active.
	Roles func(ctx context.Context, set func(localapi.Role), lost func())
	// ProbeTimeout is how long a daemon may take for one answer.
	ProbeTimeout time.Duration
	Log          logr.Logger
}

// Keeper makes the daemons of an active unit have the dynamic routing of the document. A configuration that FRR refuses
// changes nothing: the last one that it accepted goes on. Its methods may be called at once.
type Keeper struct {
	config   Config
	routes   routes
	vtysh    vtysh
	changed  notify.Signal
	children *supervisor.Children

	// The other fields up to mu belong to the goroutine of Run.

	files mounted.Files
	// accepted is the last configuration that FRR accepts, and previous the one before it.
	accepted, previous configuration.Config
	// refused is the hash of the last configuration that FRR refused, and refusal why; empty for none.
	refused [sha256.Size]byte
	refusal string
	// areRemoved is set when a unit without daemons has removed the routes that they learned.
	areRemoved bool

	mu   sync.Mutex
	role localapi.Role
	// running are the daemons; nil if none run.
	running *run
	fault   string
}

// NewKeeper returns a keeper for Run.
func NewKeeper(c Config) (*Keeper, error) {
	kernel, err := rtnetlink.Dial()
	if err != nil {
		return nil, err
	}
	children := supervisor.NewChildren()
	return &Keeper{
		config: c, routes: routes{kernel}, vtysh: vtysh{children}, changed: notify.New(), children: children,
		files: mounted.Files{DocumentFile: c.DocumentFile, SecretDirectory: c.SecretDirectory},
		role:  localapi.None,
	}, nil
}

// Run keeps the daemons until the context ends. Then it ends them, and leaves the routes.
func (k *Keeper) Run(ctx context.Context) error {
	defer func() { _ = k.routes.kernel.Close() }()
	if err := makeDirectories(); err != nil {
		return err
	}
	stopReaping, err := k.children.Reap(k.config.Log)
	if err != nil {
		return err
	}
	defer stopReaping()
	var following sync.WaitGroup
	defer following.Wait()
	if k.config.Roles != nil {
		following.Go(func() { k.config.Roles(ctx, k.setRole, func() {}) })
	} else {
		k.setRole(localapi.Active)
	}
	defer k.stop()
	for {
		k.look(ctx)
		pause := keepInterval
		if k.running != nil && len(k.running.waiting()) > 0 {
			pause = loadInterval
		}
		if !backoff.SleepUntil(ctx, pause, k.changed) {
			return nil
		}
	}
}

// setRole records the role. Without the sidecar, and while the unit has no role, the last one counts: the daemons of an
// active unit go on while its sidecar is restarted.
func (k *Keeper) setRole(role localapi.Role) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if role == localapi.Active || role == localapi.Standby {
		k.role = role
		k.changed.Notify()
	}
}

// look makes the daemons what they should be, and records what is wrong.
func (k *Keeper) look(ctx context.Context) {
	faults := k.keep(ctx)
	if ctx.Err() != nil {
		return
	}
	fault := strings.Join(faults, "; ")
	k.mu.Lock()
	defer k.mu.Unlock()
	if fault != k.fault && fault != "" {
		k.config.Log.Error(errors.New(fault), "Keeping routing daemons failed")
	}
	k.fault = fault
}

// keep returns what is wrong. It does not stop the rest.
func (k *Keeper) keep(ctx context.Context) (faults []string) {
	note := func(err error) {
		if err != nil {
			faults = append(faults, err.Error())
		}
	}
	note(k.files.Read(time.Now()))
	wanted := configuration.Compile(k.files.Document(), k.files.Entries())
	faults = append(faults, wanted.Faults...)
	note(k.consider(ctx, wanted))
	k.mu.Lock()
	role := k.role
	k.mu.Unlock()
	isWanted := role == localapi.Active && len(k.accepted.Protocols) > 0
	if k.running != nil && (!isWanted || k.running.config.Hash() != k.accepted.Hash()) {
		k.stop()
	}
	if isWanted && k.running == nil {
		note(k.start())
	}
	if k.running != nil {
		note(k.load(ctx))
	}
	isIdle := role == localapi.Standby || k.files.HasDocument() && len(k.accepted.Protocols) == 0 && k.refusal == ""
	if k.running == nil && isIdle && !k.areRemoved {
		err := k.routes.remove()
		note(err)
		k.areRemoved = err == nil
	}
	if k.refusal != "" {
		faults = append(faults, "FRR refuses the configuration, so the last one that it accepted stays: "+k.refusal)
	}
	return faults
}

// consider accepts or refuses a new configuration.
func (k *Keeper) consider(ctx context.Context, wanted configuration.Config) error {
	hash := wanted.Hash()
	switch {
	case hash == k.accepted.Hash():
		k.refusal = ""
		return nil
	case k.refusal != "" && hash == k.refused:
		return nil
	case len(wanted.Protocols) == 0:
		k.accept(wanted)
		return nil
	}
	refusal, err := k.vtysh.check(ctx, wanted.Text)
	switch {
	case err != nil:
		return err
	case refusal != "":
		k.refused, k.refusal = hash, refusal
	default:
		k.accept(wanted)
	}
	return nil
}

func (k *Keeper) accept(c configuration.Config) {
	k.previous, k.accepted, k.refusal = k.accepted, c, ""
	k.config.Log.Info("Accepted configuration", "protocols", c.Protocols)
}

func (k *Keeper) start() error {
	hasRoutes, err := k.routes.arePreserved()
	if err == nil {
		err = announceRestart(hasRoutes)
	}
	if err != nil {
		return err
	}
	running, err := start(k.accepted, supervisor.Config{
		Policy: lifecycle.DefaultPolicy(), ProbeTimeout: k.config.ProbeTimeout, Output: os.Stderr, Children: k.children,
		Log: k.config.Log,
	})
	if err != nil {
		return err
	}
	k.config.Log.Info("Started routing daemons", "protocols", k.accepted.Protocols, "restart", hasRoutes)
	k.areRemoved = false
	k.setRunning(running)
	return nil
}

// stop ends the daemons, if they run.
func (k *Keeper) stop() {
	if k.running != nil {
		k.running.stop()
		k.config.Log.Info("Ended routing daemons")
		k.setRunning(nil)
	}
}

func (k *Keeper) setRunning(r *run) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.running = r
}

// load gives daemons their configuration. If one refuses it, the previous configuration is accepted again.
func (k *Keeper) load(ctx context.Context) error {
	refusal, err := k.running.load(ctx, k.vtysh)
	if refusal != "" {
		k.refused, k.refusal = k.accepted.Hash(), refusal
		k.accepted, k.previous = k.previous, configuration.Config{}
		k.changed.Notify()
	}
	return err
}

// Report returns the state of the daemons. Without daemons, it has what the program does.
func (k *Keeper) Report() supervisor.Report {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.running == nil {
		return supervisor.Report{Daemons: []supervisor.DaemonReport{{
			Name: "routing", Phase: lifecycle.Running, Detail: "no daemon runs, role " + string(k.role), Fault: k.fault,
		}}}
	}
	report := k.running.supervisor.Report()
	report.Daemons[0].Detail, report.Daemons[0].Fault = k.running.String(), k.fault
	return report
}
