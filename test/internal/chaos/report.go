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
	// survivalTimeout is how long a connection may take at the end to receive its next numbers. The backoff of TCP may
	// make it wait about as long again as it has already waited.
	survivalTimeout = 10 * time.Second
	// survivalTicks is how many numbers it must receive.
	survivalTicks = 10
	// lossAge is the age at which a packet that has not arrived counts as lost.
	lossAge = 50 * time.Millisecond
)

// Report describes what happened to the traffic of a run, and who forwarded it.
type Report struct {
	Title string
	Begun time.Time
	Marks []Mark
	// Stream has the losses and gaps of the stream since the last Inject.
	Stream tracer.StreamStats
	// Connections were opened before the first fault. Survived of them continue with an unbroken sequence.
	Connections, Survived int
	// Silence is the longest silence on a connection that survived, since the last Inject.
	Silence time.Duration
	// Broken is why one connection did not survive.
	Broken error
	// Forwarders are the units that forwarded, in order. Holders are the units that held the Lease, in order.
	Forwarders []Forwarder
	Holders    []tracer.Holder
	// ProbesSent and ProbesSeen count the probes. About half of them are forwarded while both units run.
	ProbesSent, ProbesSeen uint64
	// Violations lists when a unit forwarded although it was not allowed to.
	Violations []tracer.Violation
}

// Forwarder is a unit that forwarded for some time.
type Forwarder struct {
	Unit string
	tracer.Segment
}

// End waits until the connections have shown whether they continue, ends the traffic and returns the report.
func (r *Run) End(ctx context.Context) (Report, error) {
	defer r.Close()
	survived, broken := r.survivors(ctx)
	newest, at := r.stream.Newest(), time.Now()
	if !pause(ctx, lossAge) {
		return Report{}, ctx.Err()
	}
	seen, err := r.tracer.Observations()
	if err != nil {
		return Report{}, err
	}
	seen.Stream.AddOpenGap(newest, at)
	sent, err := r.prober.Sent()
	if err != nil {
		return Report{}, err
	}
	// Read the pods and the Lease once more, so that every forwarder has a name and the last holder is recorded.
	if err := errors.Join(r.units.refresh(ctx), r.readLease(ctx)); err != nil {
		return Report{}, err
	}
	holders := r.lease.list()
	report := Report{
		Title: r.title, Begun: r.begun, Marks: r.marks, Stream: seen.Stream,
		Connections: len(r.clients), Survived: len(survived), Broken: broken,
		Holders: holders, ProbesSent: sent, ProbesSeen: seen.Probes,
		Violations: tracer.FindViolations(&seen.Forwarders, r.units.unitOf, holders),
	}
	for _, heard := range survived {
		report.Silence = max(report.Silence, heard.Longest.Length)
	}
	for _, s := range seen.Forwarders.Segments() {
		unit, known := r.units.unitOf(s.Station)
		if !known {
			unit = s.Station.String()
		}
		report.Forwarders = append(report.Forwarders, Forwarder{Unit: unit, Segment: s})
	}
	return report, nil
}

func (r *Run) readLease(ctx context.Context) error {
	lease, err := r.lease.get(ctx)
	if err == nil {
		r.lease.record(lease)
	}
	return err
}

// survivors waits until every connection has continued, or its timeout has passed.
func (r *Run) survivors(ctx context.Context) (survived []traffic.Report, broken error) {
	ctx, cancel := context.WithTimeout(ctx, survivalTimeout)
	defer cancel()
	for _, c := range r.clients {
		wanted := r.reportOf(c).Ticks + survivalTicks
		for r.reportOf(c).Err == nil && r.reportOf(c).Ticks < wanted && pause(ctx, pollInterval) {
			continue
		}
		switch heard := r.reportOf(c); {
		case heard.Err != nil:
			broken = heard.Err
		case heard.Ticks < wanted:
			broken = fmt.Errorf("no number received for %s", time.Since(heard.Last).Round(time.Millisecond))
		default:
			survived = append(survived, heard)
		}
	}
	return survived, broken
}

// Takeovers returns how often the unit that forwards changed.
func (r Report) Takeovers() int {
	changes := 0
	for i := 1; i < len(r.Forwarders); i++ {
		if r.Forwarders[i].Unit != r.Forwarders[i-1].Unit {
			changes++
		}
	}
	return changes
}

// GapWhileSent returns the longest gap of the stream without the time in which its sender stood still.
func (r Report) GapWhileSent() time.Duration { return r.Stream.GapWhileSent(streamInterval) }

// Terms returns how often the Lease changed hands.
func (r Report) Terms() int64 { return terms(r.Holders) }

func terms(holders []tracer.Holder) int64 {
	if len(holders) == 0 {
		return 0
	}
	return holders[len(holders)-1].Term - holders[0].Term
}

// maxLines bounds how many lines of a list are printed.
const maxLines = 12

// Print writes the report for people. Times are relative to the first mark.
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
	fmt.Fprintf(&b, "  UDP: longest gap %s, %d packets lost of %d, delayed by %s at most\n",
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
			text += fmt.Sprintf(", %d of them after the next unit began, by %s at most", f.Late, millis(f.LateBy))
		}
		return text
	})
	fmt.Fprintf(&b, "  Lease held by:\n")
	list(&b, r.Holders, func(t tracer.Holder) string { return fmt.Sprintf("%-9s term %d", t.Unit, t.Term) })
	if len(r.Violations) > 0 {
		fmt.Fprintf(&b, "  VIOLATIONS: %d\n", len(r.Violations))
		list(&b, r.Violations, func(v tracer.Violation) string { return fmt.Sprintf("%s %s", since(origin, v.At), v) })
	}
	_, _ = io.WriteString(w, b.String())
}

// list writes one line for each element, up to maxLines.
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
