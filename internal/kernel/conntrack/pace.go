package conntrack

import "time"

// pauseTime is how long a listener lets events gather that come in quick succession. It is what each of them may be
// late; waking for each of them would take more of a processor than reading it.
const pauseTime = 250 * time.Microsecond

// quick is how many events within a pause's time make a succession quick.
const quick = 2

// pace tells when to let events gather: as long as they come quickly. One that comes alone is not kept waiting, nor are
// a few that come at once after a while.
type pace struct {
	before, woke time.Time // when the last two waits ended
	events       int       // since the last one
}

// wokeUp notes that a wait ended.
func (p *pace) wokeUp(now time.Time) { *p = pace{before: p.woke, woke: now} }

// came notes events.
func (p *pace) came(events int) { p.events += events }

// pause tells whether to pause before reading again.
func (p *pace) pause(now time.Time) bool {
	return p.events >= quick && time.Duration(p.events)*pauseTime >= quick*now.Sub(p.before)
}
