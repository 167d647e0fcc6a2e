package simulation

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/hapair-io/hapair/internal/ha"
)

// trace keeps what happened.
type trace struct {
	lines []said
}

// said is one thing that happened. It may have lines of its own.
type said struct {
	at   time.Duration
	text string
}

func (t *trace) line(now time.Duration, who, text string) {
	t.lines = append(t.lines, said{
		at: now, text: fmt.Sprintf("%12s %-9s %s\n", now.Round(time.Microsecond), who, text),
	})
}

// aftermath is how much is printed after the requested instant.
const aftermath = 5 * time.Millisecond

// write prints the last of what happened until the instant, or all of it when no number of lines is given.
func (t *trace) write(out io.Writer, until time.Duration, last int) error {
	lines := t.lines
	if last != 0 {
		end, _ := slices.BinarySearchFunc(lines, until+aftermath, func(s said, at time.Duration) int {
			return cmp.Compare(s.at, at)
		})
		lines = lines[max(0, end-last):end]
	}
	for _, l := range lines {
		if _, err := io.WriteString(out, l.text); err != nil {
			return err
		}
	}
	return nil
}

// step prints a fact that a process took in, and its effects. Instants of its clock are printed as the time left until
// them.
func (t *trace) step(w *world, u *unit, f ha.Fact) {
	text := describe(f, u.decidedAt)
	if len(u.effects) == 0 && text == "Tick" {
		return
	}
	for _, e := range u.effects {
		text += "\n" + strings.Repeat(" ", 23) + "→ " + describe(e, u.decidedAt)
	}
	t.line(w.now, u.name(), text)
}

// describe returns a fact or an effect as text, in a short form for frequent ones.
func describe(v any, now time.Duration) string {
	switch v := v.(type) {
	case ha.LeaseSeen:
		return "LeaseSeen: " + describeRecord(v.Record)
	case ha.LeaseAnswered:
		if v.Outcome == ha.Read || v.Outcome == ha.Written {
			return fmt.Sprintf("LeaseAnswered %d: %s, %s", v.ID, v.Outcome, describeRecord(v.Record))
		}
		return fmt.Sprintf("LeaseAnswered %d: %s", v.ID, v.Outcome)
	case ha.WriteLease:
		return fmt.Sprintf("WriteLease %d: %s", v.ID, describeRecord(v.Record))
	case ha.OpenGate:
		return fmt.Sprintf("OpenGate %d for %s", v.ID, (v.Until - now).Round(time.Microsecond))
	case ha.StopRequested:
		return fmt.Sprintf("StopRequested within %s", v.Deadline-now)
	case ha.SendHeartbeat:
		return fmt.Sprintf("SendHeartbeat %d in term %d, grant %s", v.Sequence, v.Term, v.Grant)
	case ha.HeartbeatReceived:
		return fmt.Sprintf("HeartbeatReceived %d in term %d from %s", v.Sequence, v.Term, v.From)
	case ha.AcknowledgeHeartbeat:
		return fmt.Sprintf("AcknowledgeHeartbeat %d in term %d, ready %t", v.Sequence, v.Term, v.Ready)
	case ha.HeartbeatAcknowledged:
		return fmt.Sprintf("HeartbeatAcknowledged %d in term %d from %s, ready %t", v.Sequence, v.Term, v.From, v.Ready)
	case ha.EffectDone:
		if v.Err == nil {
			return fmt.Sprintf("EffectDone %d", v.ID)
		}
		return fmt.Sprintf("EffectDone %d: %s", v.ID, v.Err)
	default:
		return strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%T%+v", v, v), "ha."), "{}")
	}
}
