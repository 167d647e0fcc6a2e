//go:build netns

package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/clock"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/testbed"
)

// unitVariable makes the test binary a unit: a process of its own, so that it can be stopped and killed.
const unitVariable = "HAPAIR_GATE_UNIT"

func TestMain(m *testing.M) {
	if setup, ok := os.LookupEnv(unitVariable); ok {
		os.Exit(beUnit(setup))
	}
	namespace.Alone()
	goleak.VerifyTestMain(m)
}

// unitSetup is what a unit is started with.
type unitSetup struct {
	Interfaces  []string
	Virtual     []netip.Addr
	VirtualMACs []rtnetlink.MAC
	WithoutBPF  bool
}

// order is one thing that a unit is told to do.
type order struct {
	// Do is what: open, close, rules, count or verify.
	Do string
	// InForce is whether the firewall's rules are in force, for rules.
	InForce bool
	// Lasts is how long the gate is to be open from when the unit reads this, however long that takes.
	Lasts time.Duration
	// Pause has the process stand still after it has looked at the clock so many times.
	Pause int32
}

// report answers an order; the first one tells that the gate is up, or why not.
type report struct {
	Kind  string
	Until time.Duration // when the gate closes by itself
	Error string
	// Dropped are the counters of the gate, by kind.
	Dropped map[string]uint64
}

// beUnit runs the unit's process, which follows orders until its input ends.
func beUnit(setup string) int {
	var s unitSetup
	if err := json.Unmarshal([]byte(setup), &s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	reports := json.NewEncoder(os.Stdout)
	answer := func(r report, err error) {
		if err != nil {
			r.Error = err.Error()
		}
		_ = reports.Encode(r) // The test may be gone. Then the input ends too.
	}
	if err := obey(s, answer); err != nil {
		answer(report{}, err)
		return 1
	}
	return 0
}

func obey(s unitSetup, answer func(report, error)) (err error) {
	kernel, err := rtnetlink.Dial()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, kernel.Close()) }()
	var looks atomic.Int32
	var ahead atomic.Int64
	now := func() time.Duration {
		t := clock.Boot() + time.Duration(ahead.Load())
		if looks.Add(-1) == 0 {
			standStill()
		}
		return t
	}
	g, err := New(Options{
		Interfaces: s.Interfaces, Virtual: s.Virtual, VirtualMACs: s.VirtualMACs, WithoutBPF: s.WithoutBPF,
		Kernel: kernel, Now: now, Ahead: func() time.Duration { return time.Duration(ahead.Load()) },
		Log: funcr.New(func(_, args string) { fmt.Fprintln(os.Stderr, args) }, funcr.Options{}),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	ctx, cancel := context.WithCancel(context.Background())
	var watch sync.WaitGroup
	watch.Go(func() { g.Run(ctx, func(error) {}) })
	defer watch.Wait()
	defer cancel()
	answer(report{Kind: string(g.Fence())}, g.SetRulesInForce(true))

	orders := json.NewDecoder(os.Stdin)
	for {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		switch o.Do {
		case "open":
			until := clock.Boot() + o.Lasts
			looks.Store(o.Pause)
			answer(report{Until: until}, g.Set(ctx, Config{Until: until + time.Duration(ahead.Load())}))
		case "stop":
			ahead.Add(int64(o.Lasts))
			answer(report{}, nil)
		case "close":
			answer(report{}, g.Set(ctx, Config{}))
		case "rules":
			answer(report{}, g.SetRulesInForce(o.InForce))
		case "count":
			counts, err := g.barrier.dropped()
			answer(report{Dropped: counts}, err)
		case "verify":
			answer(report{}, g.CheckOpen())
		}
	}
}

// standStill stops the process before it does anything else. A signal to the process as a whole would be taken by any
// of its threads, whenever that is scheduled, while the one that looked at the clock goes on.
func standStill() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_ = unix.Tgkill(unix.Getpid(), unix.Gettid(), unix.SIGSTOP)
}

// process is a unit as its test sees it.
type process struct {
	t       testing.TB
	command *exec.Cmd
	input   io.WriteCloser
	reports chan report
	log     *testbed.Log
	kind    string
}

// startUnit starts a unit in the router and returns it with the first report.
func startUnit(t testing.TB, where *testbed.Namespace, s unitSetup, start func(*exec.Cmd) error) (*process, report) {
	t.Helper()
	setup, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, command: exec.Command("/proc/self/exe"), reports: make(chan report, 1), log: &testbed.Log{}}
	p.command.Env = append(os.Environ(), unitVariable+"="+string(setup))
	p.command.Stderr = p.log
	if p.input, err = p.command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	output, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := where.Do(func() error { return start(p.command) }); err != nil {
		t.Fatalf("Starting a unit: %v", err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for decoder := json.NewDecoder(output); ; {
			var r report
			if decoder.Decode(&r) != nil {
				return
			}
			p.reports <- r
		}
	}()
	t.Cleanup(func() {
		p.kill()
		<-read
		_ = p.command.Wait() // It was killed.
		t.Logf("The unit logged:\n%s", p.log)
	})
	return p, p.await()
}

func (p *process) await() report {
	p.t.Helper()
	select {
	case r := <-p.reports:
		return r
	case <-time.After(testbed.Timeout):
		p.t.Fatal("the unit does not answer")
		return report{}
	}
}

// logs waits until the unit's log contains a text.
func (p *process) logs(text string) {
	p.t.Helper()
	testbed.Eventually(p.t, "the unit logs "+text, func() bool { return strings.Contains(p.log.String(), text) })
}

func (p *process) send(o order) {
	p.t.Helper()
	if err := json.NewEncoder(p.input).Encode(o); err != nil {
		p.t.Fatalf("Telling the unit to %s: %v", o.Do, err)
	}
}

// tell sends an order to the unit and returns its report.
func (p *process) tell(o order) (report, error) {
	p.t.Helper()
	p.send(o)
	r := p.await()
	if r.Error != "" {
		return r, errors.New(r.Error)
	}
	return r, nil
}

// open opens the gate for a time, or moves its deadline, and returns when that is. A gate that a slow machine could not
// open in time is opened again, as a unit does with the next answer of its peer.
func (p *process) open(lasts time.Duration) (deadline time.Duration) {
	p.t.Helper()
	for tries := 10; ; tries-- {
		r, err := p.tell(order{Do: "open", Lasts: lasts})
		if err == nil {
			return r.Until
		}
		if tries == 1 || !strings.Contains(err.Error(), errSlow.Error()) {
			p.t.Fatalf("Opening the gate: %v", err)
		}
	}
}

// stop lets the unit's clock find that its machine was stopped together with the kernel's clock. It returns when.
func (p *process) stop(lasted time.Duration) time.Duration {
	p.t.Helper()
	if _, err := p.tell(order{Do: "stop", Lasts: lasted}); err != nil {
		p.t.Fatal(err)
	}
	return clock.Boot()
}

// close closes the gate, and returns from when to when that took.
func (p *process) close() (begun, done time.Duration) {
	p.t.Helper()
	begun = clock.Boot()
	if _, err := p.tell(order{Do: "close"}); err != nil {
		p.t.Fatalf("Closing the gate: %v", err)
	}
	return begun, clock.Boot()
}

// set opens the gate for long, or closes it.
func (p *process) set(isOpen bool) {
	p.t.Helper()
	if isOpen {
		p.open(time.Minute)
	} else {
		p.close()
	}
}

// rules sets for the unit whether the firewall's rules are in force.
func (p *process) rules(inForce bool) {
	p.t.Helper()
	if _, err := p.tell(order{Do: "rules", InForce: inForce}); err != nil {
		p.t.Errorf("Rules in force %t: %v", inForce, err)
	}
}

// verify reports whether the unit finds its gate open.
func (p *process) verify() error {
	p.t.Helper()
	_, err := p.tell(order{Do: "verify"})
	return err
}

// dropped returns the counters of the gate.
func (p *process) dropped() map[string]uint64 {
	p.t.Helper()
	r, err := p.tell(order{Do: "count"})
	if err != nil {
		p.t.Fatal(err)
	}
	return r.Dropped
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.command.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) kill() {
	_ = p.command.Process.Kill() // It may have ended.
	_ = p.input.Close()
}

// awaitStop waits until the process stands still.
func (p *process) awaitStop() {
	p.t.Helper()
	testbed.Eventually(p.t, "the unit stands still", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
		if err != nil {
			p.t.Fatal(err)
		}
		_, state, _ := strings.Cut(string(stat), ") ")
		return strings.HasPrefix(state, "T")
	})
}
