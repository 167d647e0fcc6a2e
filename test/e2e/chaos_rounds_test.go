//go:build e2e

package e2e

import (
	"context"
	"flag"
	"os"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/hapair-io/hapair/test/internal/chaos"
	"github.com/hapair-io/hapair/test/internal/saturation"
)

var (
	chaosRuns = flag.Int("chaos.runs", 1, "how often the specs that inject faults run, on one cluster")
	chaosLoad = flag.Bool("chaos.load", false, "keep every processor busy with another program during these specs")
)

// rounds records what each run of the specs did to the role of the pair. The specs of one run come one after another.
var rounds struct {
	all []*chaos.Round
	// current is nil while other specs run.
	current *chaos.Round
	// term is that of the Lease when the last spec ended. It is 0 before the first.
	term int64
}

// beginRound begins the next run of the specs.
func beginRound() {
	GinkgoHelper()
	round, err := chaos.BeginRound()
	Expect(err).NotTo(HaveOccurred())
	rounds.all, rounds.current = append(rounds.all, round), round
}

// endRounds prints the line of each run.
func endRounds() {
	rounds.current = nil
	say("Changes of role in each run of the faults")
	chaos.PrintRounds(os.Stdout, rounds.all)
}

// recordOutcome adds a spec to its run, if it belongs to one.
func recordOutcome(report chaos.Report, provoked int64) {
	GinkgoHelper()
	if rounds.current == nil {
		return
	}
	o := chaos.Outcome{
		Provoked: provoked, Changes: report.Terms(), Gap: report.Stream.Longest.Length,
		Failed: CurrentSpecReport().Failed(),
	}
	if rounds.term != 0 {
		o.Before = report.Holders[0].Term - rounds.term
	}
	rounds.term = report.Holders[len(report.Holders)-1].Term
	Expect(rounds.current.Add(o)).To(Succeed())
}

// saturate keeps every processor busy until the running container ends.
func saturate() {
	GinkgoHelper()
	if !*chaosLoad {
		return
	}
	load, err := saturation.Start(context.Background())
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(load.Stop)
}
