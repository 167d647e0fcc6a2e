package heartbeat

import "runtime"

const (
	// busy is how many goroutines of replication may have work without a pause: one that reads, one that writes, one
	// that applies or encodes.
	busy = 3
	// spare is how many more find a processor of the runtime free.
	spare = 1
)

// ReserveProcessor makes room for heartbeats in the program's runtime, once, when the program begins. On a machine with
// few processors replication keeps all of them busy while it sends everything anew, and the runtime then looks for
// datagrams and wakes their reader only when one of its processors has nothing else to do, or every 10 ms. With one
// more of them than there is work, one waits at the network, and how soon its thread runs is up to the kernel, which
// prefers a thread that mostly sleeps.
func ReserveProcessor() { runtime.GOMAXPROCS(max(busy+spare, runtime.GOMAXPROCS(0)+spare)) }
