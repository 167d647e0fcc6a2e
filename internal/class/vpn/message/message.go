package message

import (
	"errors"
	"fmt"
)

// MaxBytes is the size of the largest message. A child with many networks has a long one. It is a setting of the
// plugin (charon.plugins.ha.buflen).
const MaxBytes = 8192

// Type is the type of a message.
type Type uint8

// The types of messages (ha_message_type_t).
const (
	AddIKE         Type = 1
	UpdateIKE      Type = 2
	InitiatorID    Type = 3 // the next message ID of the IKE SA's own requests
	ResponderID    Type = 4 // the next message ID of the peer's requests
	DeleteIKE      Type = 5
	AddChild       Type = 6
	DeleteChild    Type = 7
	DropSegment    Type = 8
	TakeSegment    Type = 9
	Status         Type = 10
	Resync         Type = 11
	InitialVector  Type = 12 // IKEv1 alone
	PostQuantumKey Type = 13

	lastType = PostQuantumKey
)

// IsRole reports whether a message would decide which of the daemons is active.
func (t Type) IsRole() bool { return t == DropSegment || t == TakeSegment || t == Status }

// IsState reports whether a message describes an IKE SA or a child of one.
func (t Type) IsState() bool { return !t.IsRole() && t != Resync && t != InitialVector }

// IsPosition reports whether a message has only the next message ID. The next such message replaces it.
func (t Type) IsPosition() bool { return t == InitiatorID || t == ResponderID }

// SA identifies an IKE SA, as both daemons know it: the version of IKE, the SPIs of both ends, and which end the unit
// is (ike_sa_id_encoding_t in ha_message.c).
type SA [18]byte

// Message has the fields of a message that the relay needs.
type Message struct {
	Version uint8
	Type    Type
	// SA is the IKE SA of a message that describes one.
	SA SA
}

// Sizes and numbers of the encoding.
const (
	headerBytes = 2
	// attributeSA is the number of the attribute with the IKE SA (HA_IKE_ID).
	attributeSA = 1
	// versionBytes is the size of the attribute with the version of IKE, which can precede the IKE SA.
	versionBytes = 2
)

var errShort = errors.New("it is too short")

// Parse reads a message.
func Parse(datagram []byte) (Message, error) {
	m, err := parse(datagram)
	if err != nil {
		return Message{}, fmt.Errorf("reading a message of the IKE daemon with %d bytes: %w", len(datagram), err)
	}
	return m, nil
}

func parse(datagram []byte) (Message, error) {
	if len(datagram) < headerBytes {
		return Message{}, errShort
	}
	if len(datagram) > MaxBytes {
		return Message{}, fmt.Errorf("at most %d are possible", MaxBytes)
	}
	m := Message{Version: datagram[0], Type: Type(datagram[1])}
	if m.Type < AddIKE || m.Type > lastType {
		return Message{}, fmt.Errorf("type %d is unknown", m.Type)
	}
	if !m.Type.IsState() {
		return m, nil
	}
	body := bodyOf(datagram)
	if len(body) < 1+len(m.SA) {
		return Message{}, errShort
	}
	if body[0] != attributeSA {
		return Message{}, fmt.Errorf("type %d does not begin with the IKE SA", m.Type)
	}
	m.SA = SA(body[1:])
	return m, nil
}

// bodyOf returns what follows the header and the version of IKE. In a message about an IKE SA, it begins with that.
func bodyOf(datagram []byte) []byte {
	body := datagram[headerBytes:]
	if Type(datagram[1]) == AddIKE && len(body) > versionBytes && body[0] != attributeSA {
		return body[versionBytes:]
	}
	return body
}

// Deletion returns the message that deletes an IKE SA with its children.
func Deletion(version uint8, sa SA) []byte {
	return append([]byte{version, byte(DeleteIKE), attributeSA}, sa[:]...)
}

// ResyncLike returns the message that requests everything from a daemon. The daemon's own message about a segment shows
// how its version encodes one.
func ResyncLike(segment []byte) []byte {
	request := append([]byte{}, segment...)
	request[1] = byte(Resync)
	return request
}

// Request returns a message with which the first process of the daemon's container asks the relay to begin again. It is
// not for a daemon, so it has no version and no segment.
func Request() []byte { return []byte{0, byte(Resync)} }
