package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/hapair-io/hapair/test/simulation"
)

// options are the flags.
type options struct {
	seeds, from, seed uint64
	duration          time.Duration
	workers, lines    int
	failures          int
	trace, shrink     bool
	broken            simulation.Break
}

func parse(args []string, help io.Writer) (options, error) {
	o := options{}
	flags := flag.NewFlagSet("simulate", flag.ContinueOnError)
	flags.SetOutput(help)
	flags.Uint64Var(&o.seeds, "seeds", 20_000, "how many `seeds` to play")
	flags.Uint64Var(&o.from, "from", 1, "the first `seed`")
	flags.Uint64Var(&o.seed, "seed", 0, "play this one `seed` instead")
	flags.BoolVar(&o.trace, "trace", false, "with -seed: tell everything that happens")
	flags.BoolVar(&o.shrink, "shrink", false, "with -seed: make its plan smaller first, as long as it fails")
	flags.DurationVar(&o.duration, "duration", 0, "play for so long instead of a number of seeds")
	flags.IntVar(&o.workers, "workers", runtime.GOMAXPROCS(0), "how many to play at a time")
	flags.IntVar(&o.failures, "failures", 1, "after how many failing seeds to stop")
	flags.IntVar(&o.lines, "lines", 60, "how many of the last `lines` of a failing run to print")
	mutation := flags.String("mutation", "", "break the rule that is called so `in part`, to see it found; x lists them")
	err := flags.Parse(args)
	if err == nil && flags.NArg() != 0 {
		err = fmt.Errorf("%q is no flag; see -help", flags.Arg(0))
	}
	if err == nil {
		o.broken.Mutation, err = simulation.FindMutation(*mutation)
	}
	return o, err
}

func simulate(ctx context.Context, args []string, out, progress io.Writer) error {
	o, err := parse(args, progress)
	if err != nil {
		return err
	}
	if o.seed != 0 {
		return playOne(o, out)
	}
	return playMany(ctx, o, out, progress)
}

// playOne plays one seed, and tells what happens if that is wanted.
func playOne(o options, out io.Writer) error {
	s := &simulation.Simulator{}
	plan := simulation.Draw(o.seed)
	if o.shrink {
		plan, _ = s.Shrink(plan, o.broken)
	}
	if _, err := fmt.Fprintln(out, plan); err != nil {
		return err
	}
	if !o.trace {
		if v := s.Run(plan, o.broken); v != nil {
			return errors.New(v.String())
		}
		return nil
	}
	v, err := s.Trace(plan, o.broken, 0, out)
	if err == nil && v != nil {
		return errors.New(v.String())
	}
	return err
}

// playMany plays seeds until one fails, and explains that one.
func playMany(ctx context.Context, o options, out, progress io.Writer) error {
	began := time.Now()
	fleet := simulation.Fleet{From: o.from, Seeds: o.seeds, Workers: o.workers, Failures: o.failures, Break: o.broken}
	if o.duration != 0 {
		limited, cancel := context.WithTimeout(ctx, o.duration)
		defer cancel()
		ctx, fleet.Seeds = limited, 0
	}
	meter := &meter{out: progress, began: began, seeds: fleet.Seeds}
	fleet.Progress = meter.tell
	stats, failures := fleet.Run(ctx)
	meter.end()
	if err := stats.Write(out); err != nil {
		return err
	}
	took := time.Since(began)
	if _, err := fmt.Fprintf(out, "%d seeds from %d in %s, %.0f a second\n",
		stats.Runs, o.from, took.Round(time.Millisecond), float64(stats.Runs)/took.Seconds()); err != nil {
		return err
	}
	for _, f := range failures {
		if _, err := fmt.Fprintf(out, "seed %d violates %s\n", f.Seed, f.Violation); err != nil {
			return err
		}
	}
	if len(failures) != 0 {
		return explain(failures[0], o, out)
	}
	if missing := stats.Unexercised(); stats.Runs >= enough && len(missing) != 0 {
		return fmt.Errorf("these runs no longer exercise: %q", missing)
	}
	if o.duration == 0 {
		return ctx.Err()
	}
	return nil
}

// enough runs exercise everything.
const enough = 3000

// explain prints the smallest plan that fails like the seed, and its last moments.
func explain(f simulation.Failure, o options, out io.Writer) error {
	s := &simulation.Simulator{}
	plan, v := s.Shrink(simulation.Draw(f.Seed), o.broken)
	if _, err := fmt.Fprintf(out, "\n%s\nthe last of what happens:\n", plan); err != nil {
		return err
	}
	if _, err := s.Trace(plan, o.broken, o.lines, out); err != nil {
		return err
	}
	again := fmt.Sprintf("go run ./test/simulation/cmd/simulate -seed %d -trace", f.Seed)
	if m := o.broken.Mutation; m != simulation.Faithful {
		again += fmt.Sprintf(" -mutation %q", m)
	}
	return fmt.Errorf("seed %d violates %s\nin the smallest plan: %s\nplay it: %s, and with -shrink for the smallest plan",
		f.Seed, f.Violation, v, again)
}

// meter tells how far a long run is.
type meter struct {
	out   io.Writer
	began time.Time
	seeds uint64
	last  time.Time
}

func (m *meter) tell(done uint64) {
	now := time.Now()
	if now.Sub(m.last) < time.Second || now.Sub(m.began) < time.Second {
		return
	}
	m.last = now
	rate := float64(done) / now.Sub(m.began).Seconds()
	if m.seeds == 0 {
		_, _ = fmt.Fprintf(m.out, "\r%d seeds, %.0f a second   ", done, rate)
		return
	}
	left := time.Duration(float64(m.seeds-done) / rate * float64(time.Second))
	_, _ = fmt.Fprintf(m.out, "\r%d of %d seeds, %.0f a second, %s left   ", done, m.seeds, rate, left.Round(time.Second))
}

func (m *meter) end() {
	if !m.last.IsZero() {
		_, _ = fmt.Fprintln(m.out)
	}
}
