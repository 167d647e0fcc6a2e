package clock

const hasTicks = true

// ticks returns the time stamp counter of the processor.
func ticks() uint64
