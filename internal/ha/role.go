package ha

import "fmt"

// Role is what a unit does now.
type Role uint8

const (
	// Starting cannot take over yet: leftovers of an earlier life are not withdrawn, the Lease was not seen, or no
	// ruleset is in force.
	Starting Role = iota + 1
	// Standby is ready to take over.
	Standby
	// Active forwards the traffic.
	Active
	// Fenced holds the Lease and does not forward: its permit ran out, or it is about to give the Lease up.
	Fenced
)

// String is the role's name in logs and conditions.
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

// phase is where the machine is in its work; a role is what others need to know of it.
type phase uint8

const (
	// waiting does not hold the Lease, or holds it and cannot begin to use it.
	waiting phase = iota
	// promoting holds the Lease and walks through the promotion.
	promoting
	// serving is promoted.
	serving
	// fenced holds the Lease, as far as it knows, with a permit that ran out.
	fenced
	// releasing gives the Lease up with nobody to hand it to.
	releasing
	// gone has asked to exit; nothing is decided any more.
	gone
)
