package routing

import "github.com/hapair-io/hapair/internal/bounded"

// maxFaults bounds how many faults a text describes. A reader with more of them fixes these first.
const maxFaults = 5

// fault is a field of the document whose route is missing, and why.
type fault struct {
	field, message string
}

// faults are all that is missing.
type faults []fault

// String returns the first faults as one text; empty without faults.
func (f faults) String() string {
	texts := make([]string, len(f))
	for i, fault := range f {
		texts[i] = fault.message
		if fault.field != "" {
			texts[i] = fault.field + ": " + fault.message
		}
	}
	return bounded.Join(texts, maxFaults)
}

// faultsOf returns the faults in an error of the kernel. fieldOf returns the field of one of the errors that it joins,
// empty for one that is about no field, such as a failed list.
func faultsOf(err error, fieldOf func(error) string) faults {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all faults
		for _, e := range joined.Unwrap() {
			all = append(all, faultsOf(e, fieldOf)...)
		}
		return all
	}
	return faults{{fieldOf(err), err.Error()}}
}
