package contract

// Defaults and bounds of the settings. The CRDs repeat them, since markers cannot refer to constants; a test compares
// the two.
const (
	DefaultLeaseDurationSeconds = 15
	MinLeaseDurationSeconds     = 2
	MaxLeaseDurationSeconds     = 60

	DefaultHeartbeatIntervalMilliseconds = 100
	MinHeartbeatIntervalMilliseconds     = 10
	MaxHeartbeatIntervalMilliseconds     = 1000

	DefaultMissedHeartbeats = 3
	MinMissedHeartbeats     = 2
	MaxMissedHeartbeats     = 10

	DefaultIsolation = IsolationFence

	DefaultHealthDampingSeconds = 3
	MinHealthDampingSeconds     = 1
	MaxHealthDampingSeconds     = 300

	DefaultPreemptionDelaySeconds = 300
	MinPreemptionDelaySeconds     = 0
	MaxPreemptionDelaySeconds     = 86_400

	DefaultProbeIntervalMilliseconds = 1000
	MinProbeIntervalMilliseconds     = 100
	MaxProbeIntervalMilliseconds     = 60_000

	DefaultProbeTimeoutMilliseconds = 500
	MinProbeTimeoutMilliseconds     = 10
	MaxProbeTimeoutMilliseconds     = 30_000

	DefaultProbeFailureThreshold = 3
	DefaultProbeSuccessThreshold = 2
	MinProbeThreshold            = 1
	MaxProbeThreshold            = 100

	DefaultHTTPPort = 80
	DefaultHTTPPath = "/"

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

// MaxVirtualAddresses bounds the virtual addresses of one network.
const MaxVirtualAddresses = 64

// Bounds of a grant that is set. Each pair has narrower ones, which follow from its detection and its lease duration.
const (
	MinGrantMilliseconds = MinHeartbeatIntervalMilliseconds*MinMissedHeartbeats + graceMilliseconds
	MaxGrantMilliseconds = MaxLeaseDurationSeconds * 1000 / grantsPerLease
)

const (
	// graceMilliseconds is what a grant must have beyond the detection. A shorter grant would end before its holder could
	// notice that it is not renewed.
	graceMilliseconds = 20
	// minMarginMilliseconds is what a derived grant has beyond the detection. A healthy API server answers a write of the
	// Lease within that time.
	minMarginMilliseconds = 60
	// grantsPerLease bounds the grant: it must be at most the lease duration divided by this.
	grantsPerLease = 2
)

// DerivedGrantMilliseconds returns the grant of a pair that sets none: the detection and half of it again, and at least
// minMarginMilliseconds more than the detection.
func DerivedGrantMilliseconds(heartbeatIntervalMilliseconds, missedHeartbeats int32) int32 {
	detection := heartbeatIntervalMilliseconds * missedHeartbeats
	return detection + max(detection/2, minMarginMilliseconds)
}
