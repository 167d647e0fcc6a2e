package localapi

import (
	"bytes"
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// ownClass matches the names of classes that providers define themselves.
var ownClass = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)

// IsOwnClass reports whether a class is one that a provider defines, by its name. No class of the catalogue begins with
// a small letter.
func IsOwnClass(name string) bool { return ownClass.MatchString(name) }

// CheckKey returns what is wrong with a key; nil if nothing is. A key is text without control characters.
func CheckKey(key string) *Problem {
	switch bounds := Bounds(); {
	case key == "" || key == "." || key == "..":
		return NewProblem(Invalid, "the key %q cannot be part of a path; choose another", key).In("key")
	case len(key) > bounds.KeyBytes:
		return NewProblem(TooLarge, "the key has %d bytes, at most %d are allowed", len(key), bounds.KeyBytes).In("key")
	case !utf8.ValidString(key) || strings.ContainsFunc(key, isControl):
		return NewProblem(Invalid, "the key %q is not text; encode it, for example in hexadecimal", key).In("key")
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// CompactValue returns a value without white space, or what is wrong with it. A value is one JSON value.
func CompactValue(value []byte) ([]byte, *Problem) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, value); err != nil {
		return nil, NewProblem(Invalid, "the value is not JSON: %v", err).In("value")
	}
	if limit := Bounds().ValueBytes; compact.Len() > limit {
		return nil, NewProblem(TooLarge, "the value has %d bytes, at most %d are allowed", compact.Len(), limit).In("value")
	}
	return compact.Bytes(), nil
}

// maxLife is the longest life of an entry: what fits into 32 bits of milliseconds.
const maxLife = math.MaxUint32 * time.Millisecond

// Life returns a number of seconds as a life, or what is wrong with it. 0 is an entry without end.
func Life(seconds float64) (time.Duration, *Problem) {
	if !(seconds >= 0 && seconds <= maxLife.Seconds()) {
		return 0, NewProblem(Invalid, "%v seconds are not within 0 and %v; leave life out for an entry without end", seconds,
			maxLife.Seconds()).In("life")
	}
	life := time.Duration(math.Round(seconds*1000)) * time.Millisecond
	if seconds > 0 {
		life = max(life, time.Millisecond)
	}
	return life, nil
}

// Seconds returns a duration in seconds, as queries and events have it.
func Seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }

// FormatSeconds returns a duration as the value of a query parameter.
func FormatSeconds(d time.Duration) string { return strconv.FormatFloat(Seconds(d), 'f', -1, 64) }
