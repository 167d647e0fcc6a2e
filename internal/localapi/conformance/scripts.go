package conformance

import "context"

// script is one test of the kit.
type script struct {
	name    string
	summary string
	play    func(ctx context.Context, s *stage) error
}

// scripts returns all scripts in the order in which they are played. The first one that publishes leaves samples for
// those after it.
func scripts() []script {
	return []script{
		{"list-first", "lists its class before it writes", playListFirst},
		{"promise", "promises nothing before the write is acknowledged, and deletes what has ended", playPromise},
		{"slow-acknowledgement", "promises nothing while the acknowledgement takes 300 ms", playSlowAcknowledgement},
		{"standby", "writes nothing on the standby, and ends nothing there", playStandby},
		{"held", "reports what its process has", playHeld},
		{"takeover", "honours on the new active unit what the peer granted", playTakeover},
		{"relapse", "follows the peer while it is active in between", playRelapse},
		{"handover-soon", "finishes its answers before an announced handover, and goes on if the unit stays", playHandover},
		{"term-change", "promises nothing if the term changes under a write", playTermChange},
		{"full", "promises nothing while the table is full, and recovers", playFull},
		{"refused-entry", "promises nothing if an entry is refused, and does not repeat it without end", playRefused},
		{"unknown", "ignores unknown events and fields, and keeps unknown fields of values", playUnknown},
		{"socket-vanishes", "reconnects within a second, and publishes everything again", playSocketVanishes},
		{"killed", "gets its state back after it was killed", playKilled},
		{"flood", "copes with a table of 65,536 entries", playFlood},
		{"end", "ends within 5 s after SIGTERM", playEnd},
	}
}
