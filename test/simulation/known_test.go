package simulation

import (
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/ha"
)

// calm is a plan in which nothing goes wrong: the primary is active after 0.4 s, the secondary in sync soon after, and
// named a second later.
func calm(faults ...Fault) Plan {
	c := ha.Config{
		HeartbeatInterval: 50 * blink, MissedHeartbeats: 3, Grant: 300 * blink, LeaseDuration: 1500 * blink,
		Damping: 200 * blink, Isolation: ha.Fence,
	}
	p := Plan{
		Seed: 1, Noise: 1, Faults: faults, TroubleEnds: 6 * second,
		Weather: Weather{
			Net: blink, API: 10 * blink, Host: blink, Commit: blink, Wake: blink,
			Silence: second, Redial: 20 * blink, Snapshot: 20 * blink,
		},
	}
	for i := range p.Units {
		p.Units[i] = Settings{Machine: c, Offset: time.Hour, Starts: time.Duration(i) * 10 * blink}
	}
	p.Units[0].Machine.Preferred = true
	for i := range faults {
		p.kept = append(p.kept, i)
	}
	return p
}

// known are what once went wrong, or was found to be possible in docs/model: each takes more chance than a run of many
// seeds can count on.
var known = map[string]func() Plan{
	// The heir of a giver that stands still wrote its own shorter duration over that of the giver's permit, and died.
	"an heir hides the giver's permit": func() Plan {
		p := calm(
			Fault{Kind: Stop, Target: Primary, After: Synced, Nth: 1, At: 300 * blink, Length: blink, Amount: 5500 * blink},
			Fault{Kind: Pause, Target: Primary, After: HandedOver, Nth: 1, Length: 4 * second},
			Fault{Kind: Kill, Target: Secondary, After: HandedOver, Nth: 1, At: 300 * blink, Length: 50 * blink},
		)
		p.Units[0].Machine.LeaseDuration = 5 * second
		return p
	},
	// So did a standby that took the Lease, and its next life knew nothing of the promise.
	"a successor hides a promise": func() Plan {
		p := calm(
			Fault{Kind: Pause, Target: Primary, After: Named, Nth: 1, At: 500 * blink, Length: 4 * second},
			Fault{Kind: Kill, Target: Secondary, After: Claimed, Nth: 2, At: 50 * blink, Length: 50 * blink},
		)
		p.Units[0].Machine.LeaseDuration, p.Units[0].Machine.Grant = 6*second, 3*second
		p.Units[1].Starts, p.TroubleEnds = 4*second, 10*second // The primary waits for so long that is to be active first.
		return p
	},
	// The heir took the permit that it inherited for its own longer duration, and could not renew.
	"an heir's first permit is too long": func() Plan {
		p := calm(
			Fault{Kind: Health, Target: Primary, After: Named, Nth: 1, Length: 200 * blink},
			Fault{Kind: CutAPI, Target: Secondary, After: Flushing, Nth: 1, Length: 4 * second},
			Fault{Kind: CutUnits, After: Opened, Nth: 2, At: 20 * blink, Length: 4 * second},
		)
		p.Units[1].Machine.LeaseDuration = 4 * second
		p.Units[0].Machine.Damping = 10 * blink
		return p
	},
	// The heir could not write the Lease, and asked for longer promises than that said. Whoever had promised knew nothing
	// of it in his next life, and went by the Lease.
	"an heir hides a promise": func() Plan {
		p := calm(
			Fault{Kind: Health, Target: Primary, After: Named, Nth: 1, Length: 200 * blink},
			Fault{Kind: CutAPI, Target: Secondary, After: Flushing, Nth: 1, Length: 4 * second},
			Fault{Kind: Pause, Target: Secondary, After: Opened, Nth: 2, At: 300 * blink, Length: 5 * second},
			Fault{Kind: Kill, Target: Primary, After: Opened, Nth: 2, At: 300 * blink, Length: 20 * blink},
		)
		p.Units[1].Machine.LeaseDuration, p.Units[1].Machine.Grant = 6*second, 3*second
		for i := range p.Units {
			p.Units[i].Machine.Damping = 10 * blink
		}
		p.TroubleEnds = 8 * second
		return p
	},
	// An active that had named a standby could not go on alone after its gate had closed.
	"a way to a pair that is not forgotten": func() Plan {
		return calm(
			Fault{Kind: CutAPI, Target: Secondary, After: Named, Nth: 1, Length: 2 * second},
			Fault{Kind: Pause, Target: Primary, After: Named, Nth: 1, At: 500 * blink, Length: 500 * blink},
		)
	},
	// Promises that came late and steadily kept an active from going on alone in time.
	"promises that come late": func() Plan {
		p := calm(Fault{Kind: DelayHeartbeats, After: Named, Nth: 1, Length: 2 * second, Amount: second})
		p.Drill = HeartbeatsDelayed
		return p
	},
}

func TestKnown(t *testing.T) {
	for name, plan := range known {
		t.Run(name, func(t *testing.T) {
			s := &Simulator{}
			for noise := range uint64(50) {
				p := plan()
				p.Noise = noise
				if v := s.Run(p, Break{}); v != nil {
					t.Fatalf("noise %d: %s", noise, v)
				}
				if left := len(s.world.waiting); left != 0 {
					t.Fatalf("noise %d: %d of the faults never came", noise, left)
				}
			}
		})
	}
}
