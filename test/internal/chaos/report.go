package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hapair-io/hapair/test/internal/tracer"
	"github.com/hapair-io/hapair/test/internal/traffic"
)

const (
	// goesOn is how long a connection is given to say its next numbers at the end. TCP waits up to as much longer again
	// as it has already waited.
	goesOn = 10 * time.Second
	// goingOn is how many numbers it must say.
	goingOn = 10
	// underway is how old a packet must be to count as lost, if it has not come.
	underway = 50 * time.Millisecond
)

// Report is what became of the traffic of a run, and who forwarded it.
type Report struct {
	Title string
	Begun time.Time
	Marks []Mark
	// Stream is how the stream's packets arrived since the last Inflict.
	Stream tracer.Tally
	// Connections were opened before anything was done, and Survived of them go on, their sequence unbroken.
	Connections, Survived int
	// Silence is the longest silence on a connection that survived, since the last Inflict.
	Silence time.Duration
	// Broken says why one connection did not survive.
	Broken error
	// Forwarders are who forwarded, in their order, and Turns who held the Lease.
	Forwarders []Forwarder
	Turns      []tracer.Turn
	// ProbesSent and ProbesSeen count the probes. About half of them get through while both units are there.
	ProbesSent, ProbesSeen uint64
	// Violations are the times when a unit forwarded that must not.
	Violations []tracer.Violation
}

// Forwarder is a unit that forwarded for a while.
type Forwarder struct {
	Unit string
	tracer.Segment
}

// End waits until the connections have shown whether they go on, ends the traffic and reports it.
func (r *Run) End(ctx context.Context) (Report, error) {
	defer r.Close()
	survived, broken := r.survivors(ctx)
	newest, at := r.stream.Newest(), time.Now()
	if !pause(ctx, underway) {
		return Report{}, ctx.Err()
	}
	seen, err := r.tracer.Sightings()
	if err != nil {
		return Report{}, err
	}
	seen.Stream.Silent(newest, at)
	sent, err := r.prober.Sent()
	if err != nil {
		return Report{}, err
	}
	// Whoever forwarded has a name by now, if it has one at all; and the Lease's last change was seen.
	if err := errors.Join(r.units.look(ctx), r.catchUp(ctx)); err != nil {
		return Report{}, err
	}
	turns := r.holders.all()
	report := Report{
		Title: r.title, Begun: r.begun, Marks: r.marks, Stream: seen.Stream,
		Connections: len(r.clients), Survived: len(survived), Broken: broken,
		Turns: turns, ProbesSent: sent, ProbesSeen: seen.Probes,
		Violations: tracer.Judge(&seen.Forwarders, r.units.name, turns),
	}
	for _, heard := range survived {
		report.Silence = max(report.Silence, heard.Longest.Length)
	}
	for _, s := range seen.Forwarders.Segments() {
		unit, known := r.units.name(s.Station)
		if !known {
			unit = s.Station.String()
		}
		report.Forwarders = append(report.Forwarders, Forwarder{Unit: unit, Segment: s})
	}
	return report, nil
}

func (r *Run) catchUp(ctx context.Context) error {
	lease, err := r.holders.ask(ctx)
	if err == nil {
		r.holders.note(lease)
	}
	return err
}

// survivors waits until every connection has gone on, or has had the time to.
func (r *Run) survivors(ctx context.Context) (survived []traffic.Report, broken error) {
	ctx, cancel := context.WithTimeout(ctx, goesOn)
	defer cancel()
	for _, c := range r.clients {
		wanted := r.heard(c).Ticks + goingOn
		for r.heard(c).Err == nil && r.heard(c).Ticks < wanted && pause(ctx, interval) {
			continue
		}
		switch heard := r.heard(c); {
		case heard.Err != nil:
			broken = heard.Err
		case heard.Ticks < wanted:
			broken = fmt.Errorf("no number for %s", time.Since(heard.Last).Round(time.Millisecond))
		default:
			survived = append(survived, heard)
		}
	}
	return survived, broken
}

// Takeovers is how often the unit that forwards changed.
func (r Report) Takeovers() int {
	changes := 0
	for i := 1; i < len(r.Forwarders); i++ {
		if r.Forwarders[i].Unit != r.Forwarders[i-1].Unit {
			changes++
		}
	}
	return changes
}

// Terms is how often the Lease changed hands.
func (r Report) Terms() int64 { return terms(r.Turns) }

func terms(turns []tracer.Turn) int64 {
	if len(turns) == 0 {
		return 0
	}
	return turns[len(turns)-1].Term - turns[0].Term
}

// maxLines bounds how much of a list is printed.
const maxLines = 12

// Print writes the report for a person. Times are since the first thing that was done.
func (r Report) Print(w io.Writer) {
	origin := r.Begun
	if len(r.Marks) > 0 {
		origin = r.Marks[0].At
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", r.Title)
	for _, m := range r.Marks {
		fmt.Fprintf(&b, "  %9s  %s\n", since(origin, m.At), m.What)
	}
	fmt.Fprintf(&b, "  UDP: longest gap %s, %d packets lost of %d, held up for %s at most\n",
		millis(r.Stream.Longest.Length), r.Stream.Lost, r.Stream.Received+r.Stream.Lost, millis(r.Stream.Delay))
	list(&b, r.Stream.Gaps, func(g tracer.Gap) string {
		return fmt.Sprintf("gap of %s at %s", millis(g.Length), since(origin, g.From))
	})
	fmt.Fprintf(&b, "  TCP: %d of %d connections survived, longest silence %s\n",
		r.Survived, r.Connections, millis(r.Silence))
	if r.Broken != nil {
		fmt.Fprintf(&b, "       broken: %v\n", r.Broken)
	}
	fmt.Fprintf(&b, "  probes: %d of %d forwarded\n", r.ProbesSeen, r.ProbesSent)
	fmt.Fprintf(&b, "  forwarded by:\n")
	list(&b, r.Forwarders, func(f Forwarder) string {
		text := fmt.Sprintf("%-9s %9s to %9s  %d packets", f.Unit, since(origin, f.First), since(origin, f.Last), f.Packets)
		if f.Late > 0 {
			text += fmt.Sprintf(", %d of them overtaken by the next's, by %s at most", f.Late, millis(f.LateBy))
		}
		return text
	})
	fmt.Fprintf(&b, "  held by:\n")
	list(&b, r.Turns, func(t tracer.Turn) string { return fmt.Sprintf("%-9s term %d", t.Unit, t.Term) })
	if len(r.Violations) > 0 {
		fmt.Fprintf(&b, "  VIOLATIONS: %d\n", len(r.Violations))
		list(&b, r.Violations, func(v tracer.Violation) string { return fmt.Sprintf("%s %s", since(origin, v.At), v) })
	}
	_, _ = io.WriteString(w, b.String())
}

// list writes a line for each, or for the first ones of very many.
func list[T any](w io.Writer, all []T, line func(T) string) {
	for i, one := range all {
		if i == maxLines {
			_, _ = fmt.Fprintf(w, "       and %d more\n", len(all)-i)
			return
		}
		_, _ = fmt.Fprintf(w, "       %s\n", line(one))
	}
}

func since(origin, at time.Time) string { return fmt.Sprintf("%+.3f s", at.Sub(origin).Seconds()) }

func millis(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
