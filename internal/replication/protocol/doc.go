// Package session is the protocol between the units as rules: which frame is allowed when, which is taken and which is
// refused, and how far the peer has come. It is pure: it sees frames go by and has neither clock nor connection.
//
// The rules in short. Hello comes first, once, in each direction. Each unit tells its role; state flows from an active
// to a standby only, and begins with a snapshot of each class. A frame of state carries the term of its sender: one of
// a term before the newest that this unit knows of is refused, since its sender may have been replaced without knowing
// it. A refused frame is passed over without an answer. A frame that no version of the protocol sends at that point is
// an error, and ends the conversation.
package protocol
