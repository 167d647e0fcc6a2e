package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/cluster"
	"github.com/hapair-io/hapair/test/internal/chaos"
	"github.com/hapair-io/hapair/test/internal/cpuload"
	"github.com/hapair-io/hapair/test/internal/deploy"
	"github.com/hapair-io/hapair/test/internal/ontime"
	"github.com/hapair-io/hapair/test/internal/scenario"
)

const (
	// steady is how long traffic must flow through the new active before the run is over.
	steady = time.Second
	// takeoverTimeout bounds the wait for the takeover.
	takeoverTimeout = time.Minute
	// quiet is the number of processors that may be busy before a run. The cluster itself needs some.
	quiet = 1.0
	// patience bounds the wait for a quiet machine.
	patience = 30 * time.Second
)

// traffic has a connection with a high message rate, which measures what a user notices.
var traffic = chaos.Traffic{Connections: 1, Tick: 5 * time.Millisecond}

// Options configure the benchmark.
type Options struct {
	// Runs is the number of runs of each event with each interval.
	Runs int
	// Events are the names of what is measured; all events if it is empty.
	Events []string
	// Intervals are the heartbeat intervals of the pair, in milliseconds.
	Intervals []int
	// Out receives the progress and the table.
	Out io.Writer
}

// Run starts a cluster, or uses a running one, installs the operator and the sample pair, measures, and prints a table.
// The cluster stays up.
func Run(ctx context.Context, o Options) error {
	defer ontime.RaiseProcessors()()
	chosen, err := choose(o.Events)
	if err != nil {
		return err
	}
	b, err := prepare(ctx, o)
	if err != nil {
		return err
	}
	var samples []sample
	for _, interval := range o.Intervals {
		if err := b.setInterval(ctx, interval); err != nil {
			return err
		}
		for run := range o.Runs {
			for _, e := range chosen {
				one, err := b.measure(ctx, e, interval)
				if err != nil {
					return fmt.Errorf("%s with heartbeats each %d ms, run %d: %w", e.name, interval, run+1, err)
				}
				samples = append(samples, one)
				b.site.Progress("%d of %d: %s", run+1, o.Runs, one)
			}
		}
	}
	_, err = fmt.Fprintf(o.Out, "\n%s%s", table(chosen, o.Intervals, samples), notes)
	return errors.Join(err, judge(samples))
}

// bench holds the cluster and everything else that the measurements need.
type bench struct {
	site   deploy.Site
	client client.WithWatch
	stage  scenario.Setup
}

func prepare(ctx context.Context, o Options) (*bench, error) {
	site, err := deploy.Start(ctx, cluster.ProgressTo(o.Out))
	if err != nil {
		return nil, err
	}
	k8s, err := site.Client()
	if err != nil {
		return nil, err
	}
	return &bench{site: site, client: k8s, stage: scenario.Sample(k8s)}, nil
}

// setInterval sets the pair's heartbeat interval and waits until its units use it.
func (b *bench) setInterval(ctx context.Context, milliseconds int) error {
	pair := &hapairv1alpha1.HAPair{}
	if err := b.client.Get(ctx, b.stage.Pair, pair); err != nil {
		return err
	}
	patch := client.MergeFrom(pair.DeepCopy())
	pair.Spec.Failover.HeartbeatIntervalMilliseconds = int32(milliseconds)
	if err := b.client.Patch(ctx, pair, patch); err != nil {
		return fmt.Errorf("setting the interval of the heartbeats: %w", err)
	}
	return b.site.AwaitRedundant(ctx, b.client, b.stage.Pair)
}

// event is one way in which the active fails.
type event struct {
	name string
	// takeAway returns at once. restore, if set, repairs what does not recover by itself.
	takeAway func(ctx context.Context, b *bench, active *corev1.Pod) error
	restore  func(ctx context.Context, b *bench, active *corev1.Pod) error
}

var events = []event{
	{
		name: "power-off",
		takeAway: func(ctx context.Context, b *bench, active *corev1.Pod) error {
			return b.site.Cluster.PowerOff(ctx, active.Spec.NodeName)
		},
		restore: func(ctx context.Context, b *bench, active *corev1.Pod) error {
			return b.site.Cluster.PowerOn(ctx, active.Spec.NodeName)
		},
	},
	{
		name: "switchover",
		takeAway: func(ctx context.Context, b *bench, active *corev1.Pod) error {
			return b.client.Delete(ctx, active)
		},
	},
}

// choose returns the events of the names, or all.
func choose(names []string) ([]event, error) {
	if len(names) == 0 {
		return events, nil
	}
	var chosen []event
	for _, name := range names {
		i := slices.IndexFunc(events, func(e event) bool { return e.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no event %q", name)
		}
		chosen = append(chosen, events[i])
	}
	return chosen, nil
}

// sample holds the figures of one run.
type sample struct {
	event    string
	interval int
	// udp is the longest gap of the stream, tcp the longest silence on the connection, lost the number of lost packets.
	udp, tcp time.Duration
	lost     uint64
	// broken counts connections that ended, violations packets that two units forwarded at once.
	broken, violations int
	busy               float64
	quiet              bool
}

func (s sample) String() string {
	return fmt.Sprintf("%s with heartbeats each %d ms: UDP gap %s, %d packets lost, TCP silence %s, %.1f processors busy",
		s.event, s.interval, s.udp.Round(100*time.Microsecond), s.lost, s.tcp.Round(100*time.Microsecond), s.busy)
}

// measure makes the active fail once, and waits until the pair is redundant again.
func (b *bench) measure(ctx context.Context, e event, interval int) (sample, error) {
	s := sample{event: e.name, interval: interval}
	_, err := cpuload.Wait(ctx, quiet, patience)
	if err != nil && !errors.Is(err, cpuload.ErrBusy) {
		return s, err
	}
	s.quiet = err == nil
	run, err := chaos.Begin(ctx, b.stage, e.name, traffic)
	if err != nil {
		return s, err
	}
	defer run.Close()
	active, standby, err := b.units(ctx, run)
	if err != nil {
		return s, err
	}
	before, err := cpuload.Now()
	if err != nil {
		return s, err
	}
	if err := run.Inject(e.name, func() error { return e.takeAway(ctx, b, active) }); err != nil {
		return s, err
	}
	if err := awaitTakeover(ctx, run, string(standby)); err != nil {
		return s, err
	}
	after, err := cpuload.Now()
	if err != nil {
		return s, err
	}
	s.busy = after.Since(before).Busy
	if s.udp, err = run.Gap(); err != nil {
		return s, err
	}
	s.tcp = run.Silence()
	if e.restore != nil {
		if err := e.restore(ctx, b, active); err != nil {
			return s, err
		}
	}
	if err := b.site.AwaitRedundant(ctx, b.client, b.stage.Pair); err != nil {
		return s, err
	}
	report, err := run.End(ctx)
	s.lost, s.broken, s.violations = report.Stream.Lost, report.Connections-report.Survived, len(report.Violations)
	return s, err
}

// units returns the pod that forwards and the name of the other unit.
func (b *bench) units(ctx context.Context, run *chaos.Run) (*corev1.Pod, hapairv1alpha1.Unit, error) {
	unit, _ := run.Forwarder()
	active := hapairv1alpha1.Unit(unit)
	pod := &corev1.Pod{}
	key := client.ObjectKey{Namespace: b.stage.Pair.Namespace, Name: b.stage.Pair.Name + "-" + unit}
	return pod, active.Peer(), b.client.Get(ctx, key, pod)
}

func awaitTakeover(ctx context.Context, run *chaos.Run, unit string) error {
	ctx, cancel := context.WithTimeout(ctx, takeoverTimeout)
	defer cancel()
	return errors.Join(run.AwaitForwarder(ctx, unit), run.AwaitSteady(ctx, steady))
}
