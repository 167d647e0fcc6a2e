package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// maxFailoverReport bounds a report in bytes, several times what one has.
const maxFailoverReport = 4096

// FailoverReport tells how the active changed last. The unit that became active writes it on the pair's Lease, and the
// operator reads it there. All durations are as that unit saw them.
type FailoverReport struct {
	Term uint64 `json:"term"`
	// Unit became active, for the Cause: First, Silence, Expiry, Stop, Health or Preemption; empty when that is not known.
	Unit  string `json:"unit"`
	Cause string `json:"cause"`
	// At is when the promotion ended, in RFC 3339, for people.
	At string `json:"at"`
	// DetectedMicroseconds is from the last sign of life of the former active to the decision to take over; 0 for a
	// planned change.
	DetectedMicroseconds int64 `json:"detectedMicroseconds"`
	// ClaimedMicroseconds is from the decision until the Lease named the unit.
	ClaimedMicroseconds int64 `json:"claimedMicroseconds"`
	// The stages of the promotion.
	FencedMicroseconds    int64 `json:"fencedMicroseconds"`
	CommittedMicroseconds int64 `json:"committedMicroseconds"`
	OpenedMicroseconds    int64 `json:"openedMicroseconds"`
	AttachedMicroseconds  int64 `json:"attachedMicroseconds"`
	AnnouncedMicroseconds int64 `json:"announcedMicroseconds"`
	VerifiedMicroseconds  int64 `json:"verifiedMicroseconds"`
	// TotalMicroseconds is from the last sign of life, or from the decision for a planned change, to the end.
	TotalMicroseconds int64 `json:"totalMicroseconds"`
	// SessionsHeld is how many connections the unit's kernel held when it became active; -1 when they could not be
	// counted.
	SessionsHeld int64 `json:"sessionsHeld"`
}

// ParseFailoverReport decodes and checks a report. Whoever may write the Lease may write anything there: what is not a
// report in every part is none.
func ParseFailoverReport(text string) (FailoverReport, error) {
	if len(text) > maxFailoverReport {
		return FailoverReport{}, fmt.Errorf("decoding the report of a failover: it has %d bytes, at most %d are read",
			len(text), maxFailoverReport)
	}
	var r FailoverReport
	if err := decodeStrictly([]byte(text), &r); err != nil {
		return FailoverReport{}, fmt.Errorf("decoding the report of a failover: %w", err)
	}
	if err := r.validate(); err != nil {
		return FailoverReport{}, fmt.Errorf("checking the report of a failover: %w", err)
	}
	return r, nil
}

// Time is when the promotion ended.
func (r FailoverReport) Time() (time.Time, error) { return time.Parse(time.RFC3339, r.At) }

// decodeStrictly is decode, and rejects fields that are not known.
func decodeStrictly(document []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the document")
	}
	return nil
}

func (r FailoverReport) validate() error {
	if !slices.Contains([]string{"primary", "secondary"}, r.Unit) {
		return fmt.Errorf("unit: %.32q is none of a pair", r.Unit)
	}
	causes := []string{"", "First", "Silence", "Expiry", "Stop", "Health", "Preemption", "Request"}
	if !slices.Contains(causes, r.Cause) {
		return fmt.Errorf("cause: %.32q is unknown", r.Cause)
	}
	if r.Term == 0 || r.Term > math.MaxInt32 {
		return fmt.Errorf("term: %d is not within 1 and %d", r.Term, math.MaxInt32)
	}
	if _, err := r.Time(); err != nil {
		return fmt.Errorf("at: %w", err)
	}
	for _, took := range []int64{
		r.DetectedMicroseconds, r.ClaimedMicroseconds, r.FencedMicroseconds, r.CommittedMicroseconds, r.OpenedMicroseconds,
		r.AttachedMicroseconds, r.AnnouncedMicroseconds, r.VerifiedMicroseconds, r.TotalMicroseconds,
	} {
		if took < 0 {
			return fmt.Errorf("a step took %d µs", took)
		}
	}
	if r.SessionsHeld < -1 {
		return fmt.Errorf("sessionsHeld: %d is no number of connections", r.SessionsHeld)
	}
	return nil
}
