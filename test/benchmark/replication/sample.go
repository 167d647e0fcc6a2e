package replication

// Sample is what one run measured. A field that a scenario does not measure is zero.
type Sample struct {
	Scenario string `json:"scenario"`
	System   string `json:"system"`
	Round    int    `json:"round"`
	// Case is which of a scenario's cases it is.
	Case string `json:"case,omitempty"`
	// Rate is what was wanted, Reached what came of it, a second.
	Rate    int     `json:"rate,omitempty"`
	Reached float64 `json:"reached,omitempty"`
	Made    int     `json:"made,omitempty"`
	Missing int     `json:"missing"`
	// Surplus is how many connections the secondary still had that the primary had no more.
	Surplus int `json:"surplus,omitempty"`
	// CPU is that of both ends for each connection, in microseconds, without Idle, which is what both take of a processor
	// when nothing happens, in thousandths. Bytes is what the link carried for each.
	CPU   float64 `json:"cpuMicroseconds,omitempty"`
	Idle  float64 `json:"idle,omitempty"`
	Bytes float64 `json:"bytes,omitempty"`
	// LagP50 and LagP99 are from the one kernel to the other, in milliseconds.
	LagP50 float64 `json:"lagP50,omitempty"`
	LagP99 float64 `json:"lagP99,omitempty"`
	// Filled is how long an empty standby took to have everything usable, in seconds.
	Filled float64 `json:"filled,omitempty"`
	// Sustained is how many new connections a second reach the secondary when there are always more.
	Sustained float64 `json:"sustained,omitempty"`
	// Recovered is how long after the end of a fault the secondary had everything, in seconds.
	Recovered float64 `json:"recovered,omitempty"`
	// Forwarded is the rate of forwarded traffic during what happened, as a part of that before.
	Forwarded float64 `json:"forwarded,omitempty"`
	// Throughput is what the link carried, in Mbit/s.
	Throughput float64 `json:"throughput,omitempty"`
	// Offered is how many connections a second were begun, or were to be begun where a rate is no option; Reached is how
	// many came of it.
	Offered float64 `json:"offered,omitempty"`
	// Receive and Write are what the kernel takes to tell of a connection and to write one, in microseconds.
	Receive float64 `json:"receive,omitempty"`
	Write   float64 `json:"write,omitempty"`
	// Promoted is how long a standby took to take over, in milliseconds.
	Promoted float64 `json:"promoted,omitempty"`
	// Resident is the memory of the primary's and the secondary's process, in MiB, Peak the most that it ever was.
	Resident [2]float64 `json:"resident"`
	Peak     [2]float64 `json:"peak"`
}
