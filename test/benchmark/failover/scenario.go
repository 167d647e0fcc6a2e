package failover

import (
	"fmt"
	"time"

	"github.com/hapair-io/hapair/test/benchmark/internal/apiserver"
)

// variant is one system with one setting.
type variant struct {
	system, setting string
	// runs bounds the number of runs. 0 means no bound.
	runs int
	// against is the setting of the other system to compare with. It may be empty.
	against string
	// target holds the figures that it must reach.
	target target
	make   func(b *bed, o Options, server *apiserver.Server, name string) system
}

// target holds the figures that a variant must reach. A zero field requires nothing.
type target struct {
	p50, p99, max time.Duration
	// closed bounds Sample.Closed.
	closed time.Duration
	// noLoss requires that no datagram is lost.
	noLoss bool
	// after bounds Sample.After.
	after time.Duration
	// writesPerSecond bounds Sample.WritesPerSecond.
	writesPerSecond float64
	// kept requires that every connection survives without a TCP reset.
	kept bool
	// ratio requires that the other system's median is this many times longer.
	ratio float64
}

// scenario is one event that is caused on several variants in turns.
type scenario struct {
	name, title string
	measure     func(*bed, system, Options, *Sample)
	variants    []variant
	// manyFlows requires raised connection limits of the machine.
	manyFlows bool
}

const (
	systemHapair     = "hapair"
	systemKeepalived = "keepalived"
)

// The timings with which hapair is measured: the default and two faster ones.
var (
	timingDefault = timing{heartbeat: 100 * time.Millisecond, missed: 3, grant: 450 * time.Millisecond}
	timingFast    = timing{heartbeat: 50 * time.Millisecond, missed: 3, grant: 225 * time.Millisecond}
	timingFastest = timing{heartbeat: 20 * time.Millisecond, missed: 3, grant: 120 * time.Millisecond}
)

// graceOfGrant is how much longer than the grant a gap may be.
const graceOfGrant = 40 * time.Millisecond

func ours(d timing, against string, wanted target) variant {
	return variant{
		system: systemHapair, setting: d.String(), against: against, target: wanted,
		make: func(b *bed, o Options, server *apiserver.Server, name string) system {
			return &hapair{bed: b, server: server, binary: o.Sidecar, timing: d, name: name}
		},
	}
}

func theirs(advert string, r replication) variant {
	return variant{
		system: systemKeepalived, setting: theirSetting(advert, r),
		make: func(b *bed, _ Options, _ *apiserver.Server, _ string) system {
			return &keepalived{bed: b, advert: advert, replication: r}
		},
	}
}

func theirSetting(advert string, r replication) string {
	return fmt.Sprintf("advert %s s, %s", advert, r)
}

// name returns the name of the variant in the tables.
func (v variant) name() string { return v.system + ", " + v.setting }

func (v variant) atMost(runs int) variant {
	v.runs = runs
	return v
}

// scenarios returns all scenarios with their targets.
func scenarios() []scenario {
	const ms = time.Millisecond
	example := func(advert string) string { return theirSetting(advert, replicationExample) }
	cut := func(d timing, p50, p99 time.Duration) target {
		return target{p50: p50, p99: p99, max: d.grant + graceOfGrant, kept: true}
	}
	frozen := func(d timing) target {
		return target{closed: d.grant + 5*ms, max: d.grant + graceOfGrant, kept: true}
	}
	flows := func(d timing, p50, p99 time.Duration) target {
		wanted := cut(d, p50, p99)
		wanted.ratio = 10
		return wanted
	}
	return []scenario{
		{
			name: "power-off", title: "power of the active is cut",
			measure: loseActive, variants: []variant{
				ours(timingDefault, example("0.1"), cut(timingDefault, 500*ms, 800*ms)),
				theirs(defaultAdvert, replicationExample).atMost(5),
				ours(timingFast, example("0.05"), cut(timingFast, 320*ms, 0)),
				theirs("0.1", replicationExample),
				ours(timingFastest, example("0.02"), cut(timingFastest, 160*ms, 0)),
				theirs("0.05", replicationExample),
				theirs("0.02", replicationExample),
			},
		},
		{
			name: "flows", title: "power of the active is cut, with many connections in the table",
			measure: loseActiveWithFlows, manyFlows: true, variants: []variant{
				ours(timingDefault, theirSetting("0.05", replicationTuned), flows(timingDefault, 500*ms, 800*ms)),
				theirs("0.05", replicationTuned),
				ours(timingFast, theirSetting("0.05", replicationTuned), flows(timingFast, 320*ms, 0)),
				theirs("0.05", replicationDirect),
			},
		},
		{
			name: "switchover", title: "active is asked to stop",
			measure: stopActive, variants: []variant{
				ours(timingDefault, example("0.05"), target{p50: 15 * ms, p99: 50 * ms, kept: true}),
				theirs(defaultAdvert, replicationExample), theirs("0.05", replicationExample),
			},
		},
		{
			name: "standby", title: "power of the standby is cut",
			measure: loseStandby, variants: []variant{
				ours(timingDefault, "", target{noLoss: true, kept: true}), theirs("0.1", replicationExample),
			},
		},
		{
			name: "freeze", title: "programs of the active are frozen, and thawed after the takeover",
			measure: freezeActive, variants: []variant{
				ours(timingDefault, "", frozen(timingDefault)),
				theirs("0.1", replicationExample),
				ours(timingFastest, "", frozen(timingFastest)),
			},
		},
		{
			name: "witness", title: "API server does not answer for a while; then the active's power is cut",
			measure: loseWitness, variants: []variant{
				ours(timingDefault, "", target{noLoss: true, after: timingDefault.grant + graceOfGrant, kept: true}).atMost(3),
			},
		},
		{
			name: "idle", title: "nothing happens: writes to the API server",
			measure: idle, variants: []variant{
				ours(timingDefault, "", target{writesPerSecond: 0.1, noLoss: true, kept: true}).atMost(1),
			},
		},
	}
}
