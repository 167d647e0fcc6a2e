// Package receiver is the standby's end of replication. It writes the frames that the active sent, in order, and
// acknowledges them. It answers requests for digests, which show the active where the standby differs.
//
// It decides nothing about roles. Package engine creates one receiver per session, and passes it only the frames that
// package protocol lets a standby take.
package receiver
