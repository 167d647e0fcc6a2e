package scenario

import (
	"fmt"
	"io"
	"time"
)

// Report describes one run of a scenario, measured from outside.
type Report struct {
	// Title describes the fault.
	Title string
	// Connected is how long opening the connection took. Replicated is how long after that the standby's kernel had it, or
	// zero without replication.
	Connected, Replicated time.Duration
	// These are times since the active was removed: until the Lease named the other unit, until its first announcement was
	// on each segment, and until the client received the next number.
	TookOver, AnnouncedLAN, AnnouncedWAN, Resumed time.Duration
	// SameStations is set if client and server know the virtual addresses by the same MAC addresses as before.
	SameStations bool
	// LongestGap is the longest silence for the client around the takeover.
	LongestGap time.Duration
	// Before and After are the units that were active. Term is the term of After.
	Before, After string
	Term          int64
	// Ticks is how many numbers the client received in all.
	Ticks uint64
	// Connections is how many connections the server accepted: 1 if the connection stayed the same.
	Connections int
	// Source is the client's address and port as the server sees them.
	Source string
	// Survived is set if the sequence continued, unbroken, on the same connection.
	Survived bool
	// Broken is why it did not survive.
	Broken error
}

// Print writes the report for people.
func (r Report) Print(w io.Writer) {
	line := func(step int, what string, took string) { _, _ = fmt.Fprintf(w, "  %d. %-58s %s\n", step, what, took) }
	_, _ = fmt.Fprintf(w, "%s\n", r.Title)
	line(1, fmt.Sprintf("the client opened a connection through %s", r.Before), millis(r.Connected))
	if r.Replicated > 0 {
		line(2, fmt.Sprintf("%s's kernel had the connection", r.After), "+"+millis(r.Replicated))
	} else {
		line(2, "nothing was replicated", "-")
	}
	line(3, fmt.Sprintf("%s was taken away", r.Before), "0")
	line(4, fmt.Sprintf("%s became active (term %d)", r.After, r.Term), "+"+millis(r.TookOver))
	announced := "it announced the addresses on LAN and on WAN"
	if r.SameStations {
		announced += ", at the same MACs"
	}
	line(5, announced, "+"+millis(r.AnnouncedLAN)+", +"+millis(r.AnnouncedWAN))
	if r.Survived {
		line(6, "the client received the next number", "+"+millis(r.Resumed))
		_, _ = fmt.Fprintf(w,
			"     longest gap %s; sequence of %d unbroken; same connection, seen by the server as %s\n",
			millis(r.LongestGap), r.Ticks, r.Source)
		return
	}
	line(6, "the client received nothing more", "never")
	_, _ = fmt.Fprintf(w, "     connection broken after %d numbers: %v\n", r.Ticks, r.Broken)
}

func millis(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
