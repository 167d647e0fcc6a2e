package nftables

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// errDiffers reports that a rule is not the one that was applied.
var errDiffers = errors.New("it differs")

// compareRule returns an error unless the kernel's list of expressions is the encoded rule.
//
// Each attribute that was sent must have its value, and an attribute that the kernel leaves out counts as zero. The
// kernel adds attributes with defaults, others in each release. They are ignored, except where they would invert a
// match.
func compareRule(want []expr.Any, got []byte) error {
	n := 0
	for element := range attributesOf(got) {
		if n == len(want) {
			return fmt.Errorf("%w: it has more expressions than were applied", errDiffers)
		}
		encoded, err := expr.Marshal(unix.NFPROTO_INET, want[n])
		if err != nil {
			return err
		}
		if !isSameExpression(nested(encoded), nested(element.value)) {
			return fmt.Errorf("%w in expression %d", errDiffers, n+1)
		}
		n++
	}
	if n < len(want) {
		return fmt.Errorf("%w: it has fewer expressions than were applied", errDiffers)
	}
	return nil
}

func isSameExpression(want, got message) bool {
	name := want.text(unix.NFTA_EXPR_NAME)
	if got.text(unix.NFTA_EXPR_NAME) != name {
		return false
	}
	wanted, present := want.get(unix.NFTA_EXPR_DATA), got.get(unix.NFTA_EXPR_DATA)
	switch name {
	case "counter": // It counts.
		return true
	case "lookup": // The ID is a number within the transaction.
		return contains(present, wanted, unix.NFTA_LOOKUP_SET_ID) &&
			nested(present).number(unix.NFTA_LOOKUP_FLAGS) == nested(wanted).number(unix.NFTA_LOOKUP_FLAGS)
	case "dynset": // It has such an ID too.
		return contains(present, wanted, unix.NFTA_DYNSET_SET_ID)
	case "nat": // The kernel adds flags that follow from the registers.
		return contains(present, wanted, unix.NFTA_NAT_FLAGS)
	default:
		return contains(present, wanted)
	}
}

// contains reports whether all attributes of want, except the ignored types, have their values in got.
func contains(got, want []byte, ignored ...uint16) bool {
	for a := range attributesOf(want) {
		if slices.Contains(ignored, a.kind) {
			continue
		}
		value := nested(got).get(a.kind)
		if a.isNested {
			if !contains(value, a.value) {
				return false
			}
			continue
		}
		if !bytes.Equal(trimZeros(value), trimZeros(a.value)) {
			return false
		}
	}
	return true
}
