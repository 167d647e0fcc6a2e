package simulation

import (
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/ha"
)

// calm returns a plan in which nothing goes wrong. The primary is active after 0.4 s, the secondary is in sync soon
// after, and is named a second later.
func calm(faults ...Fault) Plan {
	c := ha.Config{
		HeartbeatInterval: 50 * ms, MissedHeartbeats: 3, Grant: 300 * ms, LeaseDuration: 1500 * ms,
		Damping: 200 * ms, Isolation: ha.Fence,
	}
	p := Plan{
		Seed: 1, Noise: 1, Faults: faults, TroubleEnds: 6 * second,
		Delays: Delays{
			Net: ms, API: 10 * ms, Host: ms, Commit: ms, Wake: ms,
			Silence: second, Redial: 20 * ms, Snapshot: 20 * ms,
		},
	}
	for i := range p.Units {
		p.Units[i] = Settings{Machine: c, Offset: time.Hour, Starts: time.Duration(i) * 10 * ms}
	}
	p.Units[0].Machine.Preferred = true
	for i := range faults {
		p.kept = append(p.kept, i)
	}
	return p
}

// known are plans that once violated a rule, or that docs/model found to be possible. Each needs more chance than a run
// of many seeds can count on.
var known = map[string]func() Plan{
	// The successor of a giver that stands still wrote its own shorter duration over that of the giver's permit, and died.
	"a successor hides the giver's permit": func() Plan {
		p := calm(
			Fault{Kind: Stop, Target: Primary, After: Synced, Nth: 1, At: 300 * ms, Length: ms, Amount: 5500 * ms},
			Fault{Kind: Pause, Target: Primary, After: HandedOver, Nth: 1, Length: 4 * second},
			Fault{Kind: Kill, Target: Secondary, After: HandedOver, Nth: 1, At: 300 * ms, Length: 50 * ms},
		)
		p.Units[0].Machine.LeaseDuration = 5 * second
		return p
	},
	// A standby that took the Lease did the same, and its next life knew nothing of its grant.
	"a takeover hides a grant": func() Plan {
		p := calm(
			Fault{Kind: Pause, Target: Primary, After: Named, Nth: 1, At: 500 * ms, Length: 4 * second},
			Fault{Kind: Kill, Target: Secondary, After: Claimed, Nth: 2, At: 50 * ms, Length: 50 * ms},
		)
		p.Units[0].Machine.LeaseDuration, p.Units[0].Machine.Grant = 6*second, 3*second
		p.Units[1].Starts, p.TroubleEnds = 4*second, 10*second // The primary waits for so long that is to be active first.
		return p
	},
	// The successor used the handed-over permit for its own longer duration, and could not renew.
	"a successor's first permit is too long": func() Plan {
		p := calm(
			Fault{Kind: Health, Target: Primary, After: Named, Nth: 1, Length: 200 * ms},
			Fault{Kind: CutAPI, Target: Secondary, After: Flushing, Nth: 1, Length: 4 * second},
			Fault{Kind: CutUnits, After: Opened, Nth: 2, At: 20 * ms, Length: 4 * second},
		)
		p.Units[1].Machine.LeaseDuration = 4 * second
		p.Units[0].Machine.Damping = 10 * ms
		return p
	},
	// The successor could not write the Lease, and requested longer grants than its duration. The unit that gave them knew
	// nothing of them in its next life, and went by the Lease.
	"a successor hides a grant": func() Plan {
		p := calm(
			Fault{Kind: Health, Target: Primary, After: Named, Nth: 1, Length: 200 * ms},
			Fault{Kind: CutAPI, Target: Secondary, After: Flushing, Nth: 1, Length: 4 * second},
			Fault{Kind: Pause, Target: Secondary, After: Opened, Nth: 2, At: 300 * ms, Length: 5 * second},
			Fault{Kind: Kill, Target: Primary, After: Opened, Nth: 2, At: 300 * ms, Length: 20 * ms},
		)
		p.Units[1].Machine.LeaseDuration, p.Units[1].Machine.Grant = 6*second, 3*second
		for i := range p.Units {
			p.Units[i].Machine.Damping = 10 * ms
		}
		p.TroubleEnds = 8 * second
		return p
	},
	// An active that had named a standby could not continue alone after its gate had closed.
	"an abandoned pairing is remembered": func() Plan {
		return calm(
			Fault{Kind: CutAPI, Target: Secondary, After: Named, Nth: 1, Length: 2 * second},
			Fault{Kind: Pause, Target: Primary, After: Named, Nth: 1, At: 500 * ms, Length: 500 * ms},
		)
	},
	// Grants that came late and steadily kept an active from continuing alone in time.
	"grants that come late": func() Plan {
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
