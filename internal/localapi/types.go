package localapi

import "encoding/json"

// Role is the role of the unit, as providers need to know it.
type Role string

// The roles of a unit.
const (
	// Active: the provider serves clients, and may write.
	Active Role = "Active"
	// Standby: the provider follows its classes, and must not write.
	Standby Role = "Standby"
	// None: the unit is neither. It has just started.
	None Role = "None"
)

// EventType is the type of an event.
type EventType string

// The types of events. A reader ignores types that it does not know.
const (
	// List begins a list. It has the role, the term and the revision of the class.
	List EventType = "List"
	// Listed ends a list.
	Listed EventType = "Listed"
	// Put is an entry that exists, or was changed.
	Put EventType = "Put"
	// Delete is an entry that no longer exists.
	Delete EventType = "Delete"
	// RoleChanged has the role and the term of the unit: first the present ones, then each change of the role.
	RoleChanged EventType = "Role"
	// TermChanged has a new term of a unit that keeps its role.
	TermChanged EventType = "Term"
	// HandoverSoon announces that the unit is about to hand over its role, within about 500 ms. A provider finishes its
	// answers. The unit may also remain active.
	HandoverSoon EventType = "HandoverSoon"
	// Ping shows that the connection lives. It comes every PingSeconds.
	Ping EventType = "Ping"
)

// Event is one line of a stream or of a batch, in NDJSON.
type Event struct {
	Type EventType `json:"type"`
	// Key and Value are those of an entry. Value is the JSON value that was written, byte for byte but for white space.
	Key   string          `json:"key,omitempty"`
	Value json.RawMessage `json:"value,omitempty"`
	// Life is how many seconds the entry remains; absent if it has no end.
	Life float64 `json:"life,omitempty"`
	Role Role    `json:"role,omitempty"`
	Term uint64  `json:"term,omitempty"`
	// Revision counts the changes of the class on this unit. It means nothing on the other one.
	Revision uint64 `json:"revision,omitempty"`
}

// Info is the response to GET /v1.
type Info struct {
	// APIVersions are the versions that the server supports.
	APIVersions []string `json:"apiVersions"`
	// Pair and Namespace name the HAPair, and Unit is primary or secondary.
	Pair      string `json:"pair"`
	Namespace string `json:"namespace"`
	Unit      string `json:"unit"`
	// Role is the role of the unit, and Term is the number that a write must have.
	Role Role   `json:"role"`
	Term uint64 `json:"term"`
	// PeerInSync reports whether the other unit has everything, so that a durable write can succeed.
	PeerInSync bool   `json:"peerInSync"`
	Grants     Grants `json:"grants"`
	Limits     Limits `json:"limits"`
}

// Grants are the classes of a provider.
type Grants struct {
	// Writes are the classes that the provider may write and read.
	Writes []string `json:"writes"`
	// Reads are the classes that it may only read.
	Reads []string `json:"reads"`
}

// Limits are the bounds of the API.
type Limits struct {
	KeyBytes   int `json:"keyBytes"`
	ValueBytes int `json:"valueBytes"`
	BatchBytes int `json:"batchBytes"`
	// ClassEntries and ClassBytes bound a class. All classes that providers define themselves share them.
	ClassEntries int `json:"classEntries"`
	ClassBytes   int `json:"classBytes"`
	// Requests and Watches bound what one socket serves at the same time.
	Requests int `json:"requests"`
	Watches  int `json:"watches"`
	// PingSeconds is the time between two pings. A watch that does not read for StallSeconds is ended.
	PingSeconds  int `json:"pingSeconds"`
	StallSeconds int `json:"stallSeconds"`
	// DurableSeconds is the longest time that a write waits for the standby.
	DurableSeconds int `json:"durableSeconds"`
	// HeldSeconds is how long a provider of a standby may take to report that it has a change. After that, the pair is not
	// synchronized.
	HeldSeconds int `json:"heldSeconds"`
}

// Bounds returns the bounds that every server has.
func Bounds() Limits {
	return Limits{
		KeyBytes: 256, ValueBytes: 8 << 10, BatchBytes: 1 << 20, ClassEntries: 65_536, ClassBytes: 64 << 20,
		Requests: 16, Watches: 16, PingSeconds: 10, StallSeconds: 30, DurableSeconds: 5,
		HeldSeconds: 5,
	}
}

// Entitlements is the response to GET /v1/entitlements: what this socket may do with each of its classes.
type Entitlements struct {
	Classes []Entitlement `json:"classes"`
}

// Entitlement is what a socket may do with one class.
type Entitlement struct {
	// Class is the name of the class.
	Class string `json:"class"`
	// Operations are the operations that it may do with the class, by their operationId. Only an active unit writes.
	Operations []string `json:"operations"`
	// AddressObjects are the only objects of class DynamicAddressObjects that the socket may use. Without it, it may use
	// all.
	AddressObjects []string `json:"addressObjects,omitempty"`
	// Quota bounds the entries of the class, and Used is what they need now. Classes of the kernel have neither.
	Quota Quantity `json:"quota,omitzero"`
	Used  Quantity `json:"used,omitzero"`
}

// Quantity is a number of entries, and the bytes that they need. Each counts its key, its value and 192 bytes.
type Quantity struct {
	Entries int `json:"entries"`
	Bytes   int `json:"bytes"`
}

// Written is the response to a write.
type Written struct {
	// Revision is that of the class after the write.
	Revision uint64 `json:"revision"`
	// Durable reports that the standby has the write. It is false if no durability was asked for, if no standby is in
	// sync, or if the standby did not answer in time. The write is in force on this unit in any case.
	Durable bool `json:"durable"`
}
