package traffic

import (
	"slices"
	"time"
)

// Tick is one number that came back.
type Tick struct {
	At     time.Time
	Number uint64
}

// Silence is a time in which no number came back.
type Silence struct {
	From   time.Time
	Length time.Duration
	// Open is set while the silence is still under way, so that it is at least that long.
	Open bool
}

// Longest returns the longest silence that ended after from. It includes a silence that was still under way at to. A
// silence that began before from counts in full, because the last number before an event came shortly before it.
func Longest(heard []Tick, from, to time.Time) Silence {
	first := firstAfter(heard, from)
	last := from
	if first > 0 {
		last = heard[first-1].At
	}
	var longest Silence
	for _, k := range heard[first:] {
		if k.At.After(to) {
			break
		}
		if length := k.At.Sub(last); length > longest.Length {
			longest = Silence{From: last, Length: length}
		}
		last = k.At
	}
	if length := to.Sub(last); length > longest.Length {
		longest = Silence{From: last, Length: length, Open: true}
	}
	return longest
}

func firstAfter(heard []Tick, from time.Time) int {
	first, _ := slices.BinarySearchFunc(heard, from, func(k Tick, from time.Time) int {
		if k.At.After(from) {
			return 1
		}
		return -1 // so that the search finds the first one after from
	})
	return first
}

// Missing counts the numbers that were lost between the last number before from and the newest one. A silence without
// a missing number was a delay.
func Missing(heard []Tick, from time.Time) int {
	first := max(firstAfter(heard, from)-1, 0)
	if first >= len(heard) {
		return 0
	}
	lowest, highest := heard[first].Number, heard[first].Number
	for _, k := range heard[first:] {
		highest = max(highest, k.Number)
	}
	numbers := map[uint64]bool{}
	for _, k := range heard[first:] {
		if k.Number >= lowest {
			numbers[k.Number] = true
		}
	}
	return int(highest-lowest) + 1 - len(numbers)
}

// Flowing returns the instant since which numbers have come back without a silence longer than pause. It returns the
// zero instant if the newest number is older than pause.
func Flowing(heard []Tick, now time.Time, pause time.Duration) time.Time {
	since := time.Time{}
	for i := len(heard) - 1; i >= 0 && now.Sub(heard[i].At) <= pause; i-- {
		since, now = heard[i].At, heard[i].At
	}
	return since
}
