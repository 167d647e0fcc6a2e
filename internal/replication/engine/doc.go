// Package engine keeps the classes of the standby equal to those of the active. It opens sessions with the peer, reads
// the sources while this unit is active, and writes to the sinks while it is standby. Package sidecar sets the role of
// the unit, and learns from its events what the peer knows.
//
// It decides nothing about roles, and knows no class: it carries changes from a source to a sink, in order.
//
//	engine     roles, and the classes while no session is needed
//	connector  opens sessions: the primary listens and the secondary dials, whatever their roles
//	link       replication over one session, in either direction
//
// The work is done by the packages below: peer runs a session, sender is the active's end and receiver the standby's.
// Package protocol has the rules.
//
// No call waits for the peer without bound: each ends with its context or with the session.
package engine
