package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/hapair-io/hapair/internal/state"
)

// missing marks a grant that a document leaves out. It is not a valid grant.
const missing = math.MinInt32

// Parse decodes and validates settings. It ignores fields and classes that this release does not know, and takes the
// default for a field that the document lacks: the operator may be of a later or an earlier release.
func Parse(document []byte) (Settings, error) {
	s := Settings{
		LeaseDurationSeconds:          DefaultLeaseDurationSeconds,
		HeartbeatIntervalMilliseconds: DefaultHeartbeatIntervalMilliseconds,
		MissedHeartbeats:              DefaultMissedHeartbeats,
		GrantMilliseconds:             missing,
		Isolation:                     DefaultIsolation,
		HealthDampingSeconds:          DefaultHealthDampingSeconds,
		Sync:                          defaultSync(),
	}
	if err := decode(document, &s); err != nil {
		return Settings{}, fmt.Errorf("decoding sidecar settings: %w", err)
	}
	if s.GrantMilliseconds == missing {
		s.GrantMilliseconds = DerivedGrantMilliseconds(s.HeartbeatIntervalMilliseconds, s.MissedHeartbeats)
	}
	s.Sync.Classes = slices.DeleteFunc(s.Sync.Classes, func(c SyncClass) bool { return !isKnown(c.Name) })
	return s, s.Validate()
}

// isKnown reports whether this release has a class of that name.
func isKnown(class string) bool {
	_, ok := state.Classes().Named(class)
	return ok
}

// UnmarshalJSON reads a delay, or takes the default if the document lacks it.
func (p *Preemption) UnmarshalJSON(text []byte) error {
	type plain Preemption
	decoded := plain{DelaySeconds: DefaultPreemptionDelaySeconds}
	err := json.Unmarshal(text, &decoded)
	*p = Preemption(decoded)
	return err
}

// UnmarshalJSON reads a probe, and takes the default for each number that the document lacks.
func (p *Probe) UnmarshalJSON(text []byte) error {
	type plain Probe
	decoded := plain{
		IntervalMilliseconds: DefaultProbeIntervalMilliseconds,
		TimeoutMilliseconds:  DefaultProbeTimeoutMilliseconds,
		FailureThreshold:     DefaultProbeFailureThreshold,
		SuccessThreshold:     DefaultProbeSuccessThreshold,
	}
	err := json.Unmarshal(text, &decoded)
	*p = Probe(decoded)
	return err
}

// decode reads one document, and rejects anything that follows it.
func decode(document []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(document))
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the document")
	}
	return nil
}
