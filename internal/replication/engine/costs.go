package engine

// Cost is what a class costs a unit while it is active.
type Cost struct {
	// SentBytes is how many bytes of its state were sent since the start, before encryption.
	SentBytes uint64
	// Entries is how many entries the unit had when both tables were compared last; nil if they were not yet.
	Entries *int64
}

// Costs returns the cost of each class, by its name.
func (e *Engine) Costs() map[string]Cost {
	costs := make(map[string]Cost, len(e.shared.senderMetrics))
	for id, metrics := range e.shared.senderMetrics {
		cost := Cost{SentBytes: metrics.SentBytes()}
		if entries, known := metrics.Entries(); known {
			cost.Entries = &entries
		}
		costs[id.String()] = cost
	}
	return costs
}
