package class

import "fmt"

// Refusal is why a change could not be written.
type Refusal uint8

// The refusals.
const (
	// Malformed: it is no change of the class, so that the two units disagree on what one looks like.
	Malformed Refusal = iota
	// Incomplete: it tells a part of an entry whose rest this unit does not have.
	Incomplete
	// Full: there is no room where the class lives.
	Full
	// Rejected: for any other reason.
	Rejected

	// Refusals is how many there are.
	Refusals = int(Rejected) + 1
)

// String is the refusal's name in metrics.
func (r Refusal) String() string {
	names := [Refusals]string{"Malformed", "Incomplete", "Full", "Rejected"}
	if int(r) < len(names) {
		return names[r]
	}
	return fmt.Sprintf("Refusal(%d)", uint8(r))
}

// Outcome is what became of the changes of one Apply.
type Outcome struct {
	// Refused counts the changes that could not be written, by why.
	Refused [Refusals]int
	// Err says why the first of them was not.
	Err error
}

// Refuse counts one refusal.
func (o *Outcome) Refuse(r Refusal, why error) {
	o.Refused[r]++
	if o.Err == nil {
		o.Err = why
	}
}

// Total is how many changes were refused.
func (o *Outcome) Total() int {
	sum := 0
	for _, n := range o.Refused {
		sum += n
	}
	return sum
}
