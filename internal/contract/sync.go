package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hapair-io/hapair/internal/state"
)

// Sync states which classes are replicated, and how fast.
type Sync struct {
	// Classes are the classes that are replicated, sorted by name. Classes that are always replicated are not listed.
	Classes []SyncClass `json:"classes"`
	// RecordsPerSecond and KilobitsPerSecond bound the stream; 0 is unbounded.
	RecordsPerSecond  int32 `json:"recordsPerSecond,omitempty"`
	KilobitsPerSecond int32 `json:"kilobitsPerSecond,omitempty"`
	// AuditIntervalSeconds is the time between two comparisons of the units' tables.
	AuditIntervalSeconds int32 `json:"auditIntervalSeconds,omitempty"`
}

// SyncClass is one class that is replicated.
type SyncClass struct {
	// Name is the name of the class in the catalogue.
	Name string `json:"name"`
	// Weight replaces the weight of the catalogue, unless it is 0.
	Weight int32 `json:"weight,omitempty"`
	// Options are decoded by the class alone, see internal/class/<name>/options.
	Options json.RawMessage `json:"options,omitempty"`
}

// Class returns the class with a name, if it is replicated.
func (s Sync) Class(name string) (SyncClass, bool) {
	if i := slices.IndexFunc(s.Classes, func(c SyncClass) bool { return c.Name == name }); i >= 0 {
		return s.Classes[i], true
	}
	return SyncClass{}, false
}

// AuditInterval returns AuditIntervalSeconds as a duration.
func (s Sync) AuditInterval() time.Duration {
	return time.Duration(s.AuditIntervalSeconds) * time.Second
}

// defaultSync returns what a pair without a SyncPolicy replicates.
func defaultSync() Sync {
	s := Sync{Classes: []SyncClass{}, AuditIntervalSeconds: DefaultAuditIntervalSeconds}
	for _, row := range state.Classes() {
		if row.Default == state.Replicated {
			s.Classes = append(s.Classes, SyncClass{Name: row.Name})
		}
	}
	return s
}

// validate returns what is wrong with everything but the options of classes. The classes validate those.
func (s Sync) validate() []error {
	var errs []error
	for i, c := range s.Classes {
		if _, err := state.Classes().Select(c.Name); err != nil {
			errs = append(errs, fmt.Errorf("sync.classes[%d]: %w", i, err))
		}
		if c.Weight != 0 {
			field := fmt.Sprintf("sync.classes[%d].weight", i)
			errs = append(errs, collect(within(field, c.Weight, MinSyncWeight, MaxSyncWeight))...)
		}
	}
	if s.RecordsPerSecond < 0 {
		errs = append(errs, errors.New("sync.recordsPerSecond must not be negative"))
	}
	if s.KilobitsPerSecond < 0 {
		errs = append(errs, errors.New("sync.kilobitsPerSecond must not be negative"))
	}
	return append(errs, collect(within("sync.auditIntervalSeconds",
		s.AuditIntervalSeconds, MinAuditIntervalSeconds, MaxAuditIntervalSeconds))...)
}
