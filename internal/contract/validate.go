package contract

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Validate reports everything that is wrong with the settings, each error with the path of its field. The operator
// calls it before it writes them, and Parse calls it when a unit reads them.
func (s Settings) Validate() error {
	var errs []error
	if s.Pair == "" || s.Namespace == "" {
		errs = append(errs, errors.New("pair and namespace must be set"))
	}
	errs = append(errs, s.validateFailover()...)
	errs = append(errs, s.validateNetworks()...)
	errs = append(errs, s.validateProbes()...)
	errs = append(errs, s.validateProviders()...)
	errs = append(errs, s.Sync.validate()...)
	return errors.Join(errs...)
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

// oneOf returns the values as an error message lists them: "A, B or C".
func oneOf[T ~string](values []T) string {
	last := len(values) - 1
	names := make([]string, last)
	for i, v := range values[:last] {
		names[i] = string(v)
	}
	return strings.Join(names, ", ") + " or " + string(values[last])
}
