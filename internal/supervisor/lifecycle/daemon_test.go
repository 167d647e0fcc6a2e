package lifecycle_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/supervisor/lifecycle"
)

var policy = lifecycle.Policy{
	StartTimeout: 3 * time.Second, StartInterval: 100 * time.Millisecond, ProbeInterval: time.Second, ProbeFailures: 3,
	InitialPause: time.Second, MaxPause: 4 * time.Second, StableAfter: time.Minute, StopTimeout: 5 * time.Second,
}

// play runs a daemon. The clock only moves when the daemon waits for a time.
type play struct {
	t   *testing.T
	now time.Duration
	d   lifecycle.Daemon
}

func begin(t *testing.T) *play {
	t.Helper()
	p := &play{t: t, d: lifecycle.New(policy)}
	p.expect(lifecycle.Begin{}, lifecycle.Starting, lifecycle.Start)
	return p
}

func (p *play) expect(e lifecycle.Event, phase lifecycle.Phase, effects ...lifecycle.Effect) {
	p.t.Helper()
	var got []lifecycle.Effect
	p.d, got = p.d.Step(p.now, e)
	if !slices.Equal(got, effects) || p.d.Phase != phase {
		p.t.Fatalf("%T at %s: got %v and %s, want %v and %s", e, p.now, got, p.d.Phase, effects, phase)
	}
}

// after moves the clock to the time that the daemon waits for, which must be after the given duration.
func (p *play) after(d time.Duration, phase lifecycle.Phase, effects ...lifecycle.Effect) {
	p.t.Helper()
	if got := p.d.Due() - p.now; got != d {
		p.t.Fatalf("at %s: due in %s, want %s", p.now, got, d)
	}
	p.now += d
	p.expect(lifecycle.Elapsed{}, phase, effects...)
}

// answer lets the daemon answer its first probe.
func (p *play) answer() {
	p.t.Helper()
	p.after(100*time.Millisecond, lifecycle.Starting, lifecycle.Probe)
	p.expect(lifecycle.Probed{}, lifecycle.Running)
}

func TestPausesDoubleAndStayBounded(t *testing.T) {
	p := begin(t)
	for i, pause := range []time.Duration{1, 2, 4, 4} {
		p.answer()
		p.expect(lifecycle.Exited{Reason: "signal: killed"}, lifecycle.Waiting)
		if p.d.LastExit != "signal: killed" || p.d.Restarts != i {
			t.Errorf("got %q and %d restarts", p.d.LastExit, p.d.Restarts)
		}
		p.after(pause*time.Second, lifecycle.Starting, lifecycle.Start)
	}
}

func TestStableDaemonHasTheFirstPauseAgain(t *testing.T) {
	p := begin(t)
	p.expect(lifecycle.Exited{}, lifecycle.Waiting)
	p.after(time.Second, lifecycle.Starting, lifecycle.Start)
	p.answer()
	p.now += policy.StableAfter
	p.expect(lifecycle.Exited{}, lifecycle.Waiting)
	p.after(time.Second, lifecycle.Starting, lifecycle.Start)
}

func TestDaemonThatNeverAnswersIsRestarted(t *testing.T) {
	p := begin(t)
	p.now += policy.StartTimeout
	p.expect(lifecycle.Elapsed{}, lifecycle.Starting, lifecycle.Probe)
	p.expect(lifecycle.Probed{Failure: "refused"}, lifecycle.Ending, lifecycle.Terminate)
	p.expect(lifecycle.Exited{Reason: "signal: terminated"}, lifecycle.Waiting)
	if want := "no answer within 3s: refused"; p.d.LastExit != want {
		t.Errorf("got the reason %q, want %q", p.d.LastExit, want)
	}
}

func TestDaemonThatHangsIsKilledAndRestarted(t *testing.T) {
	p := begin(t)
	p.answer()
	for range policy.ProbeFailures - 1 {
		p.after(time.Second, lifecycle.Running, lifecycle.Probe)
		p.expect(lifecycle.Probed{Failure: "timeout"}, lifecycle.Running)
	}
	p.after(time.Second, lifecycle.Running, lifecycle.Probe)
	p.expect(lifecycle.Probed{Failure: "timeout"}, lifecycle.Ending, lifecycle.Terminate)
	p.after(policy.StopTimeout, lifecycle.Ending, lifecycle.Kill)
	p.after(policy.StopTimeout, lifecycle.Ending, lifecycle.Kill)
	p.expect(lifecycle.Exited{}, lifecycle.Waiting)
	p.after(time.Second, lifecycle.Starting, lifecycle.Start)
}

func TestOneAnswerForgivesFailures(t *testing.T) {
	p := begin(t)
	p.answer()
	for range 3 * policy.ProbeFailures {
		for _, failure := range []string{"timeout", ""} {
			p.after(time.Second, lifecycle.Running, lifecycle.Probe)
			p.expect(lifecycle.Probed{Failure: failure}, lifecycle.Running)
		}
	}
}

func TestRenewedDaemonIsStartedAgain(t *testing.T) {
	p := begin(t)
	p.answer()
	p.expect(lifecycle.Renew{Reason: "other settings"}, lifecycle.Ending, lifecycle.Terminate)
	p.expect(lifecycle.Renew{Reason: "again"}, lifecycle.Ending)
	p.expect(lifecycle.Exited{Reason: "exit status 0"}, lifecycle.Waiting)
	p.expect(lifecycle.Renew{Reason: "again"}, lifecycle.Waiting)
	if p.d.LastExit != "other settings" {
		t.Errorf("got the reason %q", p.d.LastExit)
	}
	p.after(time.Second, lifecycle.Starting, lifecycle.Start)
}

func TestStop(t *testing.T) {
	for phase, prepare := range map[lifecycle.Phase]func(*play){
		lifecycle.Starting: func(*play) {},
		lifecycle.Running:  (*play).answer,
	} {
		p := begin(t)
		prepare(p)
		p.expect(lifecycle.Stop{}, lifecycle.Ending, lifecycle.Terminate)
		p.expect(lifecycle.Stop{}, lifecycle.Ending)
		p.expect(lifecycle.Probed{}, lifecycle.Ending)
		p.expect(lifecycle.Exited{Reason: "exit status 0"}, lifecycle.Stopped, lifecycle.Finish)
		if p.d.Due() != lifecycle.Never {
			t.Errorf("stopped while %s: due at %s, want never", phase, p.d.Due())
		}
	}
	p := begin(t)
	p.expect(lifecycle.Exited{}, lifecycle.Waiting)
	p.expect(lifecycle.Stop{}, lifecycle.Stopped, lifecycle.Finish)
}

// TestEveryStartHasOneEnd plays random events: no process is started while another one lives, and Stop always leads to
// Finish.
func TestEveryStartHasOneEnd(t *testing.T) {
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 0))
		d, now := lifecycle.New(policy), time.Duration(0)
		isAlive, isProbing, isFinished := false, false, false
		var story strings.Builder
		step := func(e lifecycle.Event) {
			var effects []lifecycle.Effect
			d, effects = d.Step(now, e)
			fmt.Fprintf(&story, "%s: %#v -> %v, %s\n", now, e, effects, d.Phase)
			for _, effect := range effects {
				wrong := effect != lifecycle.Start && effect != lifecycle.Finish && !isAlive
				switch effect {
				case lifecycle.Start:
					wrong, isAlive = isAlive, true
				case lifecycle.Probe:
					wrong, isProbing = wrong || isProbing, true
				case lifecycle.Terminate, lifecycle.Kill:
				case lifecycle.Finish:
					wrong, isFinished = isAlive, true
				}
				if wrong {
					t.Fatalf("seed %d: wrong effect %v\n%s", seed, effect, story.String())
				}
			}
		}
		exit := func() { isAlive, isProbing = false, false; step(lifecycle.Exited{Reason: "exit"}) }
		step(lifecycle.Begin{})
		for range 50 {
			switch choice := random.IntN(5); {
			case choice == 0 && isAlive:
				exit()
			case choice == 1 && isProbing:
				isProbing = false
				step(lifecycle.Probed{Failure: []string{"", "timeout"}[random.IntN(2)]})
			case choice == 4:
				step(lifecycle.Renew{Reason: "renewed"})
			case d.Due() != lifecycle.Never:
				now = max(now, d.Due())
				step(lifecycle.Elapsed{})
			}
			now += time.Duration(random.IntN(int(2 * time.Second)))
		}
		step(lifecycle.Stop{})
		if isAlive {
			exit()
		}
		if !isFinished {
			t.Fatalf("seed %d: not finished\n%s", seed, story.String())
		}
	}
}

// TestFirstProbesDoNotHideWhyTheDaemonEnded has a daemon that was killed, and answers its second probe afterwards.
func TestFirstProbesDoNotHideWhyTheDaemonEnded(t *testing.T) {
	p := begin(t)
	p.answer()
	p.expect(lifecycle.Exited{Reason: "signal: killed"}, lifecycle.Waiting)
	p.after(time.Second, lifecycle.Starting, lifecycle.Start)
	p.after(100*time.Millisecond, lifecycle.Starting, lifecycle.Probe)
	p.expect(lifecycle.Probed{Failure: "refused"}, lifecycle.Starting)
	if p.d.LastExit != "signal: killed" || p.d.Silence != "refused" {
		t.Errorf("got the last exit %q and the silence %q", p.d.LastExit, p.d.Silence)
	}
	p.answer()
	if p.d.LastExit != "signal: killed" || p.d.Silence != "" {
		t.Errorf("got the last exit %q and the silence %q", p.d.LastExit, p.d.Silence)
	}
}
