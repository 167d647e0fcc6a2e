package heartbeat

import "runtime"

const (
	// busy is how many goroutines of replication may work without a pause: one that reads, one that writes, and one that
	// applies or encodes.
	busy = 3
	// spare is how many more find a processor of the Go runtime free.
	spare = 1
)

// ReserveProcessor adds a processor to the Go runtime for heartbeats. Call it once, at the start of the program.
//
// On a machine with few processors a full resynchronisation keeps all of them busy. The runtime then polls the network
// only when one of its processors is idle, or every 10 ms. With one processor more than there is work, one is always
// waiting at the network. The kernel decides how soon its thread runs, and prefers a thread that mostly sleeps.
func ReserveProcessor() { runtime.GOMAXPROCS(max(busy+spare, runtime.GOMAXPROCS(0)+spare)) }
