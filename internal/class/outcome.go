package class

import "fmt"

// Refusal is the reason why a change was not written.
type Refusal uint8

// The refusals.
const (
	// Malformed: the change cannot be decoded. The units disagree about the encoding.
	Malformed Refusal = iota
	// Incomplete: the change has a part of an entry, and this unit does not have the entry. Or the entry belongs to
	// another one that this unit does not have.
	Incomplete
	// Full: the table of the class is full.
	Full
	// Excluded: the class does not replicate the entry. It concerns a connection of one of the units, for example.
	Excluded
	// Rejected: any other reason.
	Rejected

	// Refusals is the number of reasons.
	Refusals = int(Rejected) + 1
)

// String returns the name of the reason in metrics.
func (r Refusal) String() string {
	names := [Refusals]string{"Malformed", "Incomplete", "Full", "Excluded", "Rejected"}
	if int(r) < len(names) {
		return names[r]
	}
	return fmt.Sprintf("Refusal(%d)", uint8(r))
}

// Outcome is the result of one Apply.
type Outcome struct {
	// Refused counts the changes that were not written, by reason. Changes of an earlier Apply count too, if only now it
	// turned out that they cannot be written.
	Refused [Refusals]int
	// Err is the error of the first of them.
	Err error
}

// Refuse counts one refusal.
func (o *Outcome) Refuse(r Refusal, why error) {
	o.Refused[r]++
	if o.Err == nil {
		o.Err = why
	}
}

// Total returns the number of refused changes.
func (o *Outcome) Total() int {
	sum := 0
	for _, n := range o.Refused {
		sum += n
	}
	return sum
}
