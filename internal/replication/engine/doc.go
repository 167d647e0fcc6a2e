// Package engine keeps the classes of the standby equal to those of the active. It owns the connection to the peer, the
// sources while this unit is active and the sinks while it is standby; package sidecar tells it what the unit is, and
// learns from its events what the peer knows.
//
// It decides nothing about roles, and knows no class: it carries what a source tells to a sink, in this order.
//
//	conversation   one connection to the peer: a reader, a writer, and what they share
//	stream         one class on the active: watch, survey, snapshot, queue
//	applier        the standby's end: what came is written, in order, and acknowledged
//	surveys        what the standby has of a class, digested for the active
//	link           makes conversations: the primary listens, the secondary dials, whatever their roles
//
// A stream watches first, has both tables digested then, and takes a snapshot of the parts that differ; changes that
// happen meanwhile wait until the snapshot's end, and by being sent after it they win over it. So an entry that ended
// during the snapshot does not come back, and one that the snapshot has in an older shape is set right. It does so
// again whenever changes were lost, and looks now and then whether some were without anyone noticing (audit).
//
// Nothing waits for the peer without bound: not the sources, whose changes are merged while the stream is slow, and not
// the sidecar, whose calls end with their context or the conversation.
package engine
