package sender

// loss is the reason why changes were lost, so that the tables must be compared.
type loss uint8

const (
	// lossOverrun means that the kernel dropped events before they were read.
	lossOverrun loss = iota
	// lossQueue means that more entries changed than the queue holds.
	lossQueue
	// lossRecord means that two records of one entry could not be merged.
	lossRecord
	// lossSource means that the source failed.
	lossSource
	// lossStandby means that the standby could not write what it received.
	lossStandby
	// lossDiverged means that an audit found the standby's table different.
	lossDiverged
	// lossAddresses means that the addresses changed whose connections are left out.
	lossAddresses

	losses = int(lossAddresses) + 1
)

// String returns the value of the label in metrics.
func (l loss) String() string {
	return [losses]string{
		"Overrun", "QueueFull", "Malformed", "SourceFailed", "StandbyFailed", "Diverged", "AddressesChanged",
	}[l]
}

// auditResult is the result of an audit.
type auditResult uint8

const (
	// auditEqual means that nothing differs, apart from what changed during the audit.
	auditEqual auditResult = iota
	// auditDiverged means that the standby's table differs.
	auditDiverged
	// auditUnknown means that the standby could not read its table.
	auditUnknown

	auditResults = int(auditUnknown) + 1
)

// String returns the value of the label in metrics.
func (r auditResult) String() string {
	return [auditResults]string{"Equal", "Diverged", "Unknown"}[r]
}
