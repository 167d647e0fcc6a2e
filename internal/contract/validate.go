package contract

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Validate reports everything that is wrong with the settings, each error with the path of its field. The operator
// calls it before it writes them, and Parse calls it when a unit reads them.
func (s Settings) Validate() error {
	var errs []error
	if s.Pair == "" || s.Namespace == "" {
		errs = append(errs, errors.New("pair and namespace must be set"))
	}
	errs = append(errs, s.validateTimes()...)
	errs = append(errs, s.validateNetworks()...)
	errs = append(errs, s.validateProbes()...)
	errs = append(errs, s.Sync.validate()...)
	return errors.Join(errs...)
}

func (s Settings) validateTimes() []error {
	errs := collect(
		within("leaseDurationSeconds", s.LeaseDurationSeconds, MinLeaseDurationSeconds, MaxLeaseDurationSeconds),
		within("heartbeatIntervalMilliseconds", s.HeartbeatIntervalMilliseconds,
			MinHeartbeatIntervalMilliseconds, MaxHeartbeatIntervalMilliseconds),
		within("missedHeartbeats", s.MissedHeartbeats, MinMissedHeartbeats, MaxMissedHeartbeats),
		within("healthDampingSeconds", s.HealthDampingSeconds, MinHealthDampingSeconds, MaxHealthDampingSeconds),
	)
	if s.Preemption != nil {
		errs = append(errs, collect(within("preemption.delaySeconds", s.Preemption.DelaySeconds,
			MinPreemptionDelaySeconds, MaxPreemptionDelaySeconds))...)
	}
	if !slices.Contains(Isolations(), s.Isolation) {
		errs = append(errs, fmt.Errorf("isolation: %q is unknown; it must be %s or %s",
			string(s.Isolation), IsolationFence, IsolationKeepForwarding))
	}
	if shortest := s.Detection() + graceMilliseconds*time.Millisecond; s.Grant() < shortest {
		errs = append(errs, fmt.Errorf("grantMilliseconds: %d is too short to notice a loss in; it must be at least %d, "+
			"which is heartbeatIntervalMilliseconds × missedHeartbeats + %d",
			s.GrantMilliseconds, shortest.Milliseconds(), graceMilliseconds))
	}
	if longest := s.LeaseDuration() / grantsPerLease; s.Grant() > longest {
		errs = append(errs, fmt.Errorf("grantMilliseconds: %d is too long for leaseDurationSeconds %d; lower it to %d, "+
			"which is half of it, or less, or raise leaseDurationSeconds",
			s.GrantMilliseconds, s.LeaseDurationSeconds, longest.Milliseconds()))
	}
	return errs
}

// within reports a value that is out of bounds.
func within(field string, value, lowest, highest int32) error {
	if value < lowest || value > highest {
		return fmt.Errorf("%s: %d is not within %d and %d", field, value, lowest, highest)
	}
	return nil
}

// collect returns the errors that are not nil.
func collect(errs ...error) []error {
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}
