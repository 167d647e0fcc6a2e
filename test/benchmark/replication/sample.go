package replication

// Sample is the result of one run. A field that a scenario does not measure is zero.
type Sample struct {
	Scenario string `json:"scenario"`
	System   string `json:"system"`
	Round    int    `json:"round"`
	// Case is the name of the scenario's case.
	Case string `json:"case,omitempty"`
	// Rate is the intended number of connections per second, Reached the actual one.
	Rate    int     `json:"rate,omitempty"`
	Reached float64 `json:"reached,omitempty"`
	Made    int     `json:"made,omitempty"`
	Missing int     `json:"missing"`
	// Surplus is the number of connections on the secondary that the primary no longer had.
	Surplus int `json:"surplus,omitempty"`
	// CPU is the processor time of both ends per connection, in microseconds, without Idle. Idle is the share of a
	// processor that both ends use when nothing happens, in thousandths. Bytes is what the link carried per connection.
	CPU   float64 `json:"cpuMicroseconds,omitempty"`
	Idle  float64 `json:"idle,omitempty"`
	Bytes float64 `json:"bytes,omitempty"`
	// LagP50 and LagP99 are the lag from one kernel to the other, in milliseconds.
	LagP50 float64 `json:"lagP50,omitempty"`
	LagP99 float64 `json:"lagP99,omitempty"`
	// Filled is the time until an empty standby could use all connections, in seconds.
	Filled float64 `json:"filled,omitempty"`
	// Sustained is the largest number of new connections per second that reaches the secondary.
	Sustained float64 `json:"sustained,omitempty"`
	// Recovered is the time from the end of a fault until the secondary had all connections, in seconds.
	Recovered float64 `json:"recovered,omitempty"`
	// Forwarded is the rate of forwarded traffic during the fault, relative to the rate before.
	Forwarded float64 `json:"forwarded,omitempty"`
	// Throughput is that of the link, in Mbit/s.
	Throughput float64 `json:"throughput,omitempty"`
	// Offered is the number of connections per second that were begun, in scenarios without a Rate.
	Offered float64 `json:"offered,omitempty"`
	// Receive and Write are the kernel's processor time to report a connection and to write one, in microseconds.
	Receive float64 `json:"receive,omitempty"`
	Write   float64 `json:"write,omitempty"`
	// Promoted is the time that a standby took to take over, in milliseconds.
	Promoted float64 `json:"promoted,omitempty"`
	// Resident is the memory of the primary's and the secondary's process, in MiB. Peak is its maximum.
	Resident [2]float64 `json:"resident"`
	Peak     [2]float64 `json:"peak"`
}
