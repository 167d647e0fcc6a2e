package contract

// Defaults and bounds of the settings. The CRDs repeat them, since markers cannot refer to constants; a test compares
// the two.
const (
	MinSyncWeight = 1
	MaxSyncWeight = 64

	DefaultAuditIntervalSeconds = 600
	MinAuditIntervalSeconds     = 60
	MaxAuditIntervalSeconds     = 86_400

	// Bounds of the throttle; 0 means that the stream is not bounded.
	MinRecordsPerSecond  = 100
	MaxRecordsPerSecond  = 10_000_000
	MinKilobitsPerSecond = 64
	MaxKilobitsPerSecond = 100_000_000
)

// MaxMonitored bounds the networks and the probes of a pair. Each of them is one bit of a heartbeat.
const MaxMonitored = 16

// MaxTermsAhead is how far the term in the Lease may be ahead of the newest that is known. Terms grow by one, and
// nobody can miss so many.
const MaxTermsAhead = 1 << 20

// MaxVirtualAddresses bounds the virtual addresses of one network.
const MaxVirtualAddresses = 64
