// Package sender is the active's end of replication. It reads the classes from their sources, and makes the standby's
// tables equal to them. Package engine creates one sender for each time that state flows to the standby, and package
// peer asks it for frames.
//
// Each class is a stream. A stream first watches its source. Then both units digest their tables, and the stream sends
// a snapshot of the parts that differ. Changes that happen meanwhile wait until the snapshot has ended. They are sent
// after it and so replace older entries: an entry that ended during the snapshot does not come back. The stream starts
// again whenever changes were lost. An audit looks in regular intervals for losses that nobody noticed.
//
// Every queue is bounded. A source never waits for the standby: changes of one entry are merged while the standby is
// slow, and beyond the bound a snapshot replaces them.
package sender
