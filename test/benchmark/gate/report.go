package gate

import (
	"fmt"

	"github.com/hapair-io/hapair/test/benchmark/internal/figures"
)

// notes explain the table.
const notes = `
Every figure is the median of the rounds. packets: small datagrams a second of one processor's time, from the sending
program to the server's socket. TCP: the throughput of iperf3, and the same for each second of processor time of both
ends, which other work disturbs less. ratio: with %s to without it,
as the median of the ratios of each round, with its quartiles. It compares with a router, and not with a network. cost:
how much longer a packet takes.
aim: the smallest ratio that the project accepts with a firewall, which every unit has. It is unclear if the aim lies
between the quartiles.
`

// notes explains the table.
func (o Options) notes() string {
	if o.DataPlane {
		return fmt.Sprintf(notes, "source validation and the second routing table")
	}
	return fmt.Sprintf(notes, "the gate")
}

// The smallest accepted ratio of each figure.
const (
	aimPackets    = 0.97
	aimThroughput = 0.99
)

// String returns one line of progress.
func (r round) String() string {
	return fmt.Sprintf("%-12s  datagrams %.0f ns without, %.0f ns with; streams %.2f Gbit/s without, %.2f with",
		router(r.withFirewall), r.datagrams.without, r.datagrams.with, r.streams.without/1e9, r.streams.with/1e9)
}

func router(withFirewall bool) string {
	if withFirewall {
		return "firewall"
	}
	return "plain router"
}

// row summarizes one figure over all rounds. Larger figures are better.
type row struct {
	without, with       float64
	ratio, first, third float64 // the median and the quartiles
	cost                float64
}

func rowOf(pairs []pairing) row {
	var without, with, ratios, costs []float64
	for _, p := range pairs {
		without, with = append(without, p.without), append(with, p.with)
		ratios, costs = append(ratios, p.with/p.without), append(costs, p.with-p.without)
	}
	return row{
		without: median(without), with: median(with), cost: median(costs),
		ratio: median(ratios), first: quantile(ratios, 0.25), third: quantile(ratios, 0.75),
	}
}

func table(rounds []round) string {
	header := []string{"what", "without", "with", "ratio", "quartiles", "cost", "aim"}
	var rows [][]string
	for _, withFirewall := range []bool{false, true} {
		var times, rates, throughputs, efficiencies []pairing
		for _, r := range rounds {
			if r.withFirewall == withFirewall {
				times = append(times, r.datagrams)
				rates = append(rates, pairing{without: 1e9 / r.datagrams.without, with: 1e9 / r.datagrams.with})
				throughputs, efficiencies = append(throughputs, r.streams), append(efficiencies, r.efficiency)
			}
		}
		if len(times) == 0 {
			continue
		}
		cost, where := fmt.Sprintf("%.0f ns", rowOf(times).cost), router(withFirewall)
		packets, throughput := 0.0, 0.0
		if withFirewall {
			packets, throughput = aimPackets, aimThroughput
		}
		rows = append(rows,
			rowOf(rates).cells("packets/s, "+where, 1, cost, packets),
			rowOf(throughputs).cells("TCP Gbit/s, "+where, 1e9, "", throughput),
			rowOf(efficiencies).cells("TCP Gbit/s a processor, "+where, 1e9, "", throughput))
	}
	return figures.Table(header, rows)
}

// cells returns the cells of a row in the table. An aim of zero means that there is no aim.
func (r row) cells(what string, unit float64, cost string, aim float64) []string {
	number := func(f float64) string {
		if unit == 1 {
			return fmt.Sprintf("%.0f", f)
		}
		return fmt.Sprintf("%.2f", f/unit)
	}
	return []string{
		what, number(r.without), number(r.with), fmt.Sprintf("%.3f", r.ratio),
		fmt.Sprintf("%.3f–%.3f", r.first, r.third), cost, r.judge(aim),
	}
}

func (r row) judge(aim float64) string {
	switch {
	case aim == 0:
		return "–"
	case r.first >= aim:
		return fmt.Sprintf("%.2f reached", aim)
	case r.third < aim:
		return fmt.Sprintf("%.2f missed", aim)
	default:
		return fmt.Sprintf("%.2f unclear", aim)
	}
}
