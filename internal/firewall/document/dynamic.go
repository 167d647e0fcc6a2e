package document

// Remember adds an address of new connections to an address object for some time.
type Remember struct {
	// Object refers to an address object that is Dynamic.
	Object string `json:"object"`
	// Seconds is how long the object has the address after the last new connection.
	Seconds uint16 `json:"seconds"`
	// Side is the address that is remembered; Source if empty.
	Side Side `json:"side,omitempty"`
}

// Side is an end of a connection.
type Side string

// The ends of a connection. The destination is that after translation.
const (
	SideSource      Side = "Source"
	SideDestination Side = "Destination"
)

func (Side) known() []string { return []string{string(SideSource), string(SideDestination)} }
