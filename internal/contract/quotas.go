package contract

import "fmt"

// ProviderQuota bounds one class of a provider.
type ProviderQuota struct {
	Class string `json:"class"`
	// Entries and Mebibytes are the bounds; 0 is an equal share of what the other quotas leave.
	Entries   int `json:"entries,omitempty"`
	Mebibytes int `json:"mebibytes,omitempty"`
}

// The entries of all classes of providers are in one table.
const (
	MaxProviderEntries   = 65_536
	MaxProviderMebibytes = 64
	// MinShareEntries and MinShareMebibytes are what the quotas must leave for each class without one. The most classes
	// that a pair can have need the whole table.
	MinShareEntries   = MaxProviderEntries / (MaxProviders * MaxProviderClasses)
	MinShareMebibytes = MaxProviderMebibytes / (MaxProviders * MaxProviderClasses)
)

// quotaOf returns the quota that the provider declares for a class.
func (p Provider) quotaOf(class string) ProviderQuota {
	for _, q := range p.Quotas {
		if q.Class == class {
			return q
		}
	}
	return ProviderQuota{Class: class}
}

// Quotas returns the quota of each class that providers write. No class can fill the table for another one: together,
// they have no more than its size.
func Quotas(providers []Provider) map[string]ProviderQuota {
	quotas := map[string]ProviderQuota{}
	all := declaredQuotas(providers)
	entries, mebibytes := sharesOf(all)
	for _, q := range all {
		q.Entries, q.Mebibytes = entries.of(q.Entries), mebibytes.of(q.Mebibytes)
		quotas[q.Class] = q
	}
	return quotas
}

// declaredQuotas returns what providers declare for each class that they write. It leaves out shared classes, whose
// entries are in the kernel.
func declaredQuotas(providers []Provider) (declared []ProviderQuota) {
	for _, p := range providers {
		for _, class := range p.Writes {
			if !isShared(class) {
				declared = append(declared, p.quotaOf(class))
			}
		}
	}
	return declared
}

// sharesOf returns what declared quotas leave of the table, and how many classes share it.
func sharesOf(declared []ProviderQuota) (entries, mebibytes share) {
	entries.left, mebibytes.left = MaxProviderEntries, MaxProviderMebibytes
	for _, q := range declared {
		entries.take(q.Entries)
		mebibytes.take(q.Mebibytes)
	}
	return entries, mebibytes
}

// share divides what is left among those that declared nothing.
type share struct{ left, sharers int }

func (s *share) take(declared int) {
	s.left -= declared
	if declared == 0 {
		s.sharers++
	}
}

func (s *share) of(declared int) int {
	if declared > 0 {
		return declared
	}
	return s.left / s.sharers
}

// enough returns an error unless every class without a quota has at least a share of a size.
func (s *share) enough(field string, limit, least int) error {
	if s.left >= s.sharers*least {
		return nil
	}
	return fmt.Errorf("providers: the quotas have %d %s, and %d classes without a quota need %d each; at most %d are "+
		"possible together, so lower a quota", limit-s.left, field, s.sharers, least, limit)
}

func validateQuotas(providers []Provider) []error {
	var errs []error
	for i, p := range providers {
		seen := map[string]bool{}
		for j, q := range p.Quotas {
			switch {
			case !p.MayWrite(q.Class) || isShared(q.Class):
				errs = append(errs, fmt.Errorf("providers[%d].quotas[%d].class: the provider does not write %q; add it to "+
					"writes, or remove the quota", i, j, q.Class))
			case seen[q.Class]:
				errs = append(errs, fmt.Errorf("providers[%d].quotas[%d].class: %s has a quota already; remove one", i, j,
					q.Class))
			case q.Entries < 0 || q.Entries > MaxProviderEntries || q.Mebibytes < 0 || q.Mebibytes > MaxProviderMebibytes:
				errs = append(errs, fmt.Errorf("providers[%d].quotas[%d]: at most %d entries and %d mebibytes are possible",
					i, j, MaxProviderEntries, MaxProviderMebibytes))
			}
			seen[q.Class] = true
		}
	}
	entries, mebibytes := sharesOf(declaredQuotas(providers))
	for _, err := range []error{
		entries.enough("entries", MaxProviderEntries, MinShareEntries),
		mebibytes.enough("mebibytes", MaxProviderMebibytes, MinShareMebibytes),
	} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}
