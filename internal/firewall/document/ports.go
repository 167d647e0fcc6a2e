package document

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// PortRange is an inclusive range of ports.
type PortRange struct {
	First, Last uint16
}

// Only decimals without a leading zero: YAML reads 0400 and 0x50 as other numbers than people do.
var portPattern = regexp.MustCompile(`^[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?$`)

// ParsePortRange parses a port, or two ports with a hyphen between them.
func ParsePortRange(text string) (PortRange, error) {
	wrong := fmt.Errorf("%q is neither a port from 1 to 65535 nor a range of ports such as \"8000-8010\"", text)
	if !portPattern.MatchString(text) {
		return PortRange{}, wrong
	}
	low, high, isRange := strings.Cut(text, "-")
	if !isRange {
		high = low
	}
	first, errFirst := strconv.ParseUint(low, 10, 16)
	last, errLast := strconv.ParseUint(high, 10, 16)
	if errFirst != nil || errLast != nil {
		return PortRange{}, wrong
	}
	if last < first {
		return PortRange{}, fmt.Errorf("%q ends before it begins; swap its ends", text)
	}
	return PortRange{uint16(first), uint16(last)}, nil
}

// String returns the port, or the range.
func (r PortRange) String() string {
	if r.First == r.Last {
		return strconv.Itoa(int(r.First))
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

// MarshalJSON writes a single port as a number and a range as a string, as people do.
func (r PortRange) MarshalJSON() ([]byte, error) {
	if r.First == r.Last {
		return []byte(r.String()), nil
	}
	return []byte(strconv.Quote(r.String())), nil
}
