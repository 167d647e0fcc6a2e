// Package cpuload measures how busy the machine is, and waits until it is quiet. Benchmarks use it, because other work
// on the machine falsifies what they measure.
package cpuload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	// window is how long the load must be low before the machine counts as quiet.
	window = 500 * time.Millisecond
	// ticksPerSecond is the kernel's USER_HZ, which is the same on every supported architecture.
	ticksPerSecond = 100
	statFile       = "/proc/stat"
)

// Usage is the processor time that the machine used up to an instant.
type Usage struct {
	at          time.Time
	busy, steal uint64 // in ticks, over all processors
}

// Now returns the usage up to now.
func Now() (Usage, error) {
	text, err := os.ReadFile(statFile)
	if err != nil {
		return Usage{}, err
	}
	busy, steal, err := parse(text)
	return Usage{at: time.Now(), busy: busy, steal: steal}, err
}

// parse parses the first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal, ... (proc_stat(5)).
func parse(text []byte) (busy, steal uint64, err error) {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	fields := strings.Fields(string(line))
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, 0, fmt.Errorf("%s: unknown format %q", statFile, line)
	}
	var numbers [8]uint64
	for i := range numbers {
		if numbers[i], err = strconv.ParseUint(fields[i+1], 10, 64); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", statFile, err)
		}
	}
	const user, nice, system, irq, softirq, stolen = 0, 1, 2, 5, 6, 7
	return numbers[user] + numbers[nice] + numbers[system] + numbers[irq] + numbers[softirq] + numbers[stolen],
		numbers[stolen], nil
}

// Load is the average number of busy processors: 2 means two processors without idle time.
type Load struct {
	Busy  float64 `json:"busy"`
	Steal float64 `json:"steal"`
}

// Since returns the load between an earlier usage and this one.
func (u Usage) Since(before Usage) Load {
	seconds := u.at.Sub(before.at).Seconds()
	if seconds <= 0 {
		return Load{}
	}
	return Load{
		Busy:  float64(u.busy-before.busy) / ticksPerSecond / seconds,
		Steal: float64(u.steal-before.steal) / ticksPerSecond / seconds,
	}
}

// ErrBusy reports that the machine did not become quiet. The caller may measure nevertheless.
var ErrBusy = errors.New("the machine did not become quiet")

// Wait waits until less than limit processors were busy for half a second, and returns how long it waited. It fails
// with ErrBusy after the time patience.
func Wait(ctx context.Context, limit float64, patience time.Duration) (waited time.Duration, err error) {
	start := time.Now()
	timer := time.NewTimer(window)
	defer timer.Stop()
	before, err := Now()
	if err != nil {
		return 0, err
	}
	for {
		select {
		case <-ctx.Done():
			return time.Since(start), ctx.Err()
		case <-timer.C:
		}
		now, err := Now()
		switch {
		case err != nil:
			return time.Since(start), err
		case now.Since(before).Busy < limit:
			return time.Since(start), nil
		case time.Since(start) >= patience:
			return time.Since(start), ErrBusy
		}
		before = now
		timer.Reset(window)
	}
}
