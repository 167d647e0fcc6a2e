package ha

import "fmt"

// Role is what a unit does now.
type Role uint8

const (
	// Starting cannot take over yet. Leftovers of an earlier life are not withdrawn, the Lease was not seen, or no
	// ruleset is in force.
	Starting Role = iota + 1
	// Standby is ready to take over.
	Standby
	// Active forwards the traffic.
	Active
	// Fenced holds the Lease and does not forward. Its permit ran out, or it is about to release the Lease.
	Fenced
)

// String returns the role's name in logs and conditions.
func (r Role) String() string {
	switch r {
	case Starting:
		return "Starting"
	case Standby:
		return "Standby"
	case Active:
		return "Active"
	case Fenced:
		return "Fenced"
	default:
		return fmt.Sprintf("Role(%d)", uint8(r))
	}
}

// phase is the machine's own state. A role is the part of it that others need to know.
type phase uint8

const (
	// waiting does not hold the Lease, or holds it and cannot start to use it.
	waiting phase = iota
	// promoting holds the Lease and walks through the steps of the promotion.
	promoting
	// serving is promoted.
	serving
	// fenced holds the Lease, as far as it knows, with a permit that ran out.
	fenced
	// releasing gives the Lease up without a successor.
	releasing
	// exiting has requested its exit. Nothing is decided any more.
	exiting
)
