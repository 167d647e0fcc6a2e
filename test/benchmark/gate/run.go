package gate

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/test/benchmark/internal/harness"
	"github.com/hapair-io/hapair/test/internal/cpuload"
)

// quiet is the number of processors that may be busy with other work when a round begins.
const quiet = 0.3

// round holds the figures of one round, without and with the gate.
type round struct {
	withFirewall bool
	// datagrams are in nanoseconds each, streams in bits a second, and efficiency in bits a second of processor time.
	datagrams, streams, efficiency pairing
}

// pairing is one figure without and with what is compared.
type pairing struct{ without, with float64 }

func (b *bed) pair(figures perLane) pairing {
	return pairing{without: figures[1-b.gated], with: figures[b.gated]}
}

// firewalls returns whether the routers have the default firewall, for each round.
func (o Options) firewalls() []bool {
	if o.DataPlane {
		return []bool{true} // The firewall checks the sources.
	}
	return []bool{false, true}
}

func (o Options) newBed(t testing.TB, with int, withFirewall bool) *bed {
	if o.DataPlane {
		return newPlanes(t, with)
	}
	return newBed(t, with, withFirewall)
}

// Run measures everything and prints a table.
func Run(ctx context.Context, o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	start, err := cpuload.Now()
	if err != nil {
		return err
	}
	var rounds []round
	fence := contract.FenceUnavailable
	for n := range o.Rounds {
		for _, withFirewall := range o.firewalls() {
			if _, err := cpuload.Wait(ctx, quiet, o.Patience); err != nil && !errors.Is(err, cpuload.ErrBusy) {
				return err
			}
			err := harness.Run(ctx, "gate", func(string) {}, func(t testing.TB) {
				b := o.newBed(t, n%lanes, withFirewall)
				fence = b.fence
				datagrams := b.datagrams(o.Datagrams)
				throughput, efficiency := b.streams(o.Streams, o.Stream)
				rounds = append(rounds, round{
					withFirewall: withFirewall, datagrams: b.pair(datagrams), streams: b.pair(throughput),
					efficiency: b.pair(efficiency),
				})
			})
			if err != nil {
				return fmt.Errorf("round %d: %w", n+1, err)
			}
			if _, err := fmt.Fprintln(o.Progress, rounds[len(rounds)-1]); err != nil {
				return err
			}
		}
	}
	end, err := cpuload.Now()
	if err != nil {
		return err
	}
	load := end.Since(start)
	_, err = fmt.Fprintf(o.Progress, "\n%s\nThe gate is of %s. %.1f processors were busy, this benchmark included; "+
		"%.1f were taken by other machines.\n%s", table(rounds), fence, load.Busy, load.Steal, o.notes())
	return err
}
