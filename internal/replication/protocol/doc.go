// Package protocol has the rules of the replication protocol: which frame may be sent when, which frames a unit takes
// and which it refuses. It is pure: it has neither clock nor connection. Package peer applies it to the greeting,
// package engine to the frames that follow.
//
// The rules in short:
//   - Hello is the first frame in each direction, and comes once.
//   - Each unit announces its role. State flows only from an active to a standby.
//   - The state of a class begins with a snapshot.
//   - A frame of state carries the term of its sender. A unit refuses a term before the newest that it knows: the
//     sender may have been replaced without knowing it.
//   - A refused frame gets no answer.
//   - A frame that no version of the protocol sends at that point is an error, and ends the session.
package protocol
