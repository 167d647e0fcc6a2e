package engine

// loss is why what was sent is no longer all that happened, so that the tables are to be compared.
type loss uint8

const (
	// lossOverrun: the kernel dropped events before they could be read.
	lossOverrun loss = iota
	// lossQueue: more changed than may wait.
	lossQueue
	// lossRecord: two records of one entry could not be merged.
	lossRecord
	// lossSource: the source failed.
	lossSource
	// lossStandby: the standby could not keep what it was sent.
	lossStandby
	// lossDiverged: the standby was found to differ.
	lossDiverged

	losses = int(lossDiverged) + 1
)

// String is the loss's name in metrics.
func (l loss) String() string {
	return [losses]string{"Overrun", "QueueFull", "Malformed", "SourceFailed", "StandbyFailed", "Diverged"}[l]
}
