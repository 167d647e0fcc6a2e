package supervisor

import (
	"context"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/supervisor/lifecycle"
)

// runner does what the lifecycle of one daemon decides. One goroutine owns it.
type runner struct {
	daemon       Daemon
	probeTimeout time.Duration
	process      *process
	log          logr.Logger
	began        time.Time

	// exited and probed have room for one value, so that a result never waits for the runner.
	exited chan string
	probed chan string
	// endProbe ends the probe under way; nil without one.
	endProbe   context.CancelFunc
	isFinished bool

	mu    sync.Mutex
	state lifecycle.Daemon
}

func newRunner(d Daemon, c Config, children *Children) *runner {
	return &runner{
		daemon: d, probeTimeout: c.ProbeTimeout, log: c.Log.WithName(d.Name), began: time.Now(),
		process: &process{daemon: d, output: c.Output, children: children},
		exited:  make(chan string, 1), probed: make(chan string, 1),
		state: lifecycle.New(c.Policy),
	}
}

func (r *runner) now() time.Duration { return time.Since(r.began) }

// run returns when the daemon has ended for good, after the end of the context.
func (r *runner) run(ctx context.Context) {
	stop := ctx.Done()
	r.step(lifecycle.Begin{})
	for !r.isFinished {
		timer := time.NewTimer(r.untilDue())
		select {
		case <-stop:
			stop = nil
			r.step(lifecycle.Stop{})
		case reason := <-r.exited:
			r.exit(reason)
		case failure := <-r.probed:
			r.endProbe()
			r.endProbe = nil
			r.step(lifecycle.Probed{Failure: failure})
		case reason := <-r.daemon.Renew:
			r.step(lifecycle.Renew{Reason: reason})
		case <-timer.C:
			r.elapse()
		}
		timer.Stop()
	}
}

func (r *runner) exit(reason string) {
	r.abandonProbe()
	r.log.Info("Daemon ended", "reason", reason)
	r.step(lifecycle.Exited{Reason: reason})
}

// elapse reports that something is due. A daemon that has ended meanwhile must not be probed.
func (r *runner) elapse() {
	select {
	case reason := <-r.exited:
		r.exit(reason)
	default:
		r.step(lifecycle.Elapsed{})
	}
}

func (r *runner) untilDue() time.Duration { return r.state.Due() - r.now() }

func (r *runner) step(e lifecycle.Event) {
	before := r.state.Phase
	next, effects := r.state.Step(r.now(), e)
	r.mu.Lock()
	r.state = next
	r.mu.Unlock()
	if next.Phase != before && next.Phase == lifecycle.Running {
		r.log.Info("Daemon answered", "restarts", next.Restarts)
	}
	for _, effect := range effects {
		r.apply(effect)
	}
}

func (r *runner) apply(e lifecycle.Effect) {
	switch e {
	case lifecycle.Start:
		r.log.Info("Starting daemon", "command", r.daemon.Command, "restarts", r.state.Restarts)
		r.process.start(r.exited)
	case lifecycle.Probe:
		r.probe()
	case lifecycle.Terminate:
		r.log.Info("Ending daemon", "reason", r.state.LastExit)
		r.process.terminate()
	case lifecycle.Kill:
		r.log.Info("Killing daemon, because it did not end in time")
		r.process.kill()
	case lifecycle.Finish:
		r.isFinished = true
	}
}

// probe asks the daemon in a goroutine. The runner waits for it, in run or in abandonProbe.
func (r *runner) probe() {
	ctx, end := context.WithTimeout(context.Background(), r.probeTimeout)
	r.endProbe = end
	go func() {
		failure := ""
		if err := r.daemon.Probe(ctx); err != nil {
			failure = err.Error()
		}
		r.probed <- failure
	}()
}

// abandonProbe ends the probe of a process that has ended, and drops its result.
func (r *runner) abandonProbe() {
	if r.endProbe == nil {
		return
	}
	r.endProbe()
	<-r.probed
	r.endProbe = nil
}

func (r *runner) report() DaemonReport {
	r.mu.Lock()
	defer r.mu.Unlock()
	report := DaemonReport{
		Name: r.daemon.Name, Phase: r.state.Phase, Seconds: (r.now() - r.state.Since).Seconds(),
		Restarts: r.state.Restarts, LastExit: r.state.LastExit, Silence: r.state.Silence,
	}
	if r.daemon.State != nil {
		report.Detail, report.Fault = r.daemon.State()
	}
	return report
}
