package supervisor

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/supervisor/lifecycle"
)

// Daemon is a program that runs for as long as the container.
type Daemon struct {
	// Name is what logs and reports call it.
	Name string
	// Command is the path of the program and its arguments. The program must stay in the foreground.
	Command []string
	// Environment is the whole environment of the program.
	Environment []string
	// Prepare runs before each start; nil for nothing. It removes what an earlier process may have left behind.
	Prepare func() error
	// Probe returns an error if the daemon does not do its work. The context bounds its time.
	Probe func(context.Context) error
	// Abrupt makes the supervisor kill the daemon instead of asking it to end, so that the daemon tells nobody.
	Abrupt bool
	// Linger returns when the daemon may end, once the supervisor was told to end; nil for at once.
	Linger func()
	// Renew is the reason for which the process must be replaced by another one; nil for never.
	Renew <-chan string
	// Accompany runs for as long as the supervisor, whether or not the daemon runs; nil for nothing.
	Accompany func(context.Context)
	// State returns what a report says about the daemon besides its phase, and what is wrong; nil for nothing.
	State func() (detail, fault string)
}

// Config is what a supervisor needs.
type Config struct {
	Daemons []Daemon
	Policy  lifecycle.Policy
	// ProbeTimeout is how long a daemon may take for one answer.
	ProbeTimeout time.Duration
	// Children are the processes of a program that runs other commands too, and reaps orphans itself. If it is nil, the
	// supervisor has a set of its own and reaps orphans.
	Children *Children
	// Output is where the daemons write; nil discards it.
	Output *os.File
	Log    logr.Logger
}

// Supervisor runs daemons.
type Supervisor struct {
	config   Config
	children *Children
	runners  []*runner
}

// New returns a supervisor that does nothing until Run.
func New(c Config) *Supervisor {
	s := &Supervisor{config: c, children: c.Children}
	if s.children == nil {
		s.children = NewChildren()
	}
	for _, d := range c.Daemons {
		s.runners = append(s.runners, newRunner(d, c, s.children))
	}
	return s
}

// Run starts the daemons and keeps them running. When the context ends, it ends them and returns.
func (s *Supervisor) Run(ctx context.Context) error {
	if s.config.Children == nil {
		stopReaping, err := s.children.Reap(s.config.Log)
		if err != nil {
			return err
		}
		defer stopReaping()
	}
	var daemons sync.WaitGroup
	for _, r := range s.runners {
		running, end := context.WithCancel(context.WithoutCancel(ctx))
		daemons.Go(func() {
			<-ctx.Done()
			if r.daemon.Linger != nil {
				r.daemon.Linger()
			}
			end()
		})
		daemons.Go(func() { r.run(running) })
		if r.daemon.Accompany != nil {
			daemons.Go(func() { r.daemon.Accompany(running) })
		}
	}
	daemons.Wait()
	return nil
}

// Report returns the state of all daemons.
func (s *Supervisor) Report() Report {
	report := Report{Daemons: make([]DaemonReport, 0, len(s.runners))}
	for _, r := range s.runners {
		report.Daemons = append(report.Daemons, r.report())
	}
	return report
}
