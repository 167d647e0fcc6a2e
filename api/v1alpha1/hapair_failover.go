package v1alpha1

// The rule about the derived grant asks whether a field is there that always is, since the API server holds the default
// of spec.failover, {}, to the rules before it fills that in.

// FailoverSpec tunes how the change of the active unit is decided. docs/failover.md says when to change what, and what
// it costs.
//
// Detection is heartbeatIntervalMilliseconds × missedHeartbeats: that long a unit may be silent before its peer acts.
// The grant bounds how long nobody forwards after that.
//
// +kubebuilder:validation:XValidation:rule="!has(self.grantMilliseconds) || self.grantMilliseconds >= self.heartbeatIntervalMilliseconds * self.missedHeartbeats + 20",fieldPath=.grantMilliseconds,message="grantMilliseconds must be at least heartbeatIntervalMilliseconds × missedHeartbeats + 20, or a right would end before its end could be noticed; raise it, or leave it out to have it derived"
// +kubebuilder:validation:XValidation:rule="!has(self.grantMilliseconds) || self.grantMilliseconds * 2 <= self.leaseDurationSeconds * 1000",fieldPath=.grantMilliseconds,message="grantMilliseconds must be at most half of leaseDurationSeconds; lower it, or raise leaseDurationSeconds"
// +kubebuilder:validation:XValidation:rule="has(self.grantMilliseconds) || !has(self.heartbeatIntervalMilliseconds) || self.heartbeatIntervalMilliseconds * self.missedHeartbeats + (self.heartbeatIntervalMilliseconds * self.missedHeartbeats >= 120 ? self.heartbeatIntervalMilliseconds * self.missedHeartbeats / 2 : 60) <= self.leaseDurationSeconds * 500",fieldPath=.leaseDurationSeconds,message="the grant derived from heartbeatIntervalMilliseconds × missedHeartbeats must be at most half of leaseDurationSeconds; lower one of the two, or raise leaseDurationSeconds"
type FailoverSpec struct {
	// heartbeatIntervalMilliseconds is how often the active unit sends the standby a sign of life. Below 50 a busy node
	// or network is easily taken for a dead one: measure the pauses of your nodes before you lower it.
	// +optional
	// +kubebuilder:default=100
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=1000
	HeartbeatIntervalMilliseconds int32 `json:"heartbeatIntervalMilliseconds,omitempty"`

	// missedHeartbeats is how many signs of life in a row must be missing before a unit takes its peer for lost. With 2, a
	// single lost packet and a little delay are enough.
	// +optional
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=2
	// +kubebuilder:validation:Maximum=10
	MissedHeartbeats int32 `json:"missedHeartbeats,omitempty"`

	// grantMilliseconds is how long the active unit may forward on each acknowledgement of the standby, which promises
	// with it not to become active meanwhile; then the kernel stops it. It bounds the interruption when the active dies,
	// and what it has beyond detection is the time in which the API server must answer when the standby dies. When left
	// out it is the detection and half of it again, at least 60 more. At least the detection and 20, at most half of
	// leaseDurationSeconds.
	// +optional
	// +kubebuilder:validation:Minimum=40
	// +kubebuilder:validation:Maximum=30000
	GrantMilliseconds int32 `json:"grantMilliseconds,omitempty"`

	// leaseDurationSeconds is how long the active unit may forward after its last successful renewal of the Lease while
	// it has no standby that vouches for it, and how long a unit waits, and a little more, before it takes over from one
	// that it knows nothing of. Renewed three times in it.
	// +optional
	// +kubebuilder:default=15
	// +kubebuilder:validation:Minimum=2
	// +kubebuilder:validation:Maximum=60
	LeaseDurationSeconds int32 `json:"leaseDurationSeconds,omitempty"`

	// isolation is what the active unit does that neither its peer nor the API server answers. Fence stops it when its
	// right ends, so that never two units are active. KeepForwarding lets it go on: traffic survives the loss of the API
	// server and the standby together, but if it is the network between the units that failed, both are active at once,
	// with the same addresses, and connections break.
	// +optional
	// +kubebuilder:default=Fence
	Isolation Isolation `json:"isolation,omitempty"`

	// preemption selects whether the primary unit gets the active role back.
	// +optional
	// +kubebuilder:default={}
	Preemption PreemptionSpec `json:"preemption,omitempty"`

	// monitors are what each unit watches to know how well it can serve. The role goes to the peer when that is better
	// off, and never because of a fault that both have.
	// +optional
	// +kubebuilder:default={}
	Monitors MonitorsSpec `json:"monitors,omitempty"`
}

// Isolation is what an active unit does that lost its peer and the API server.
//
// +kubebuilder:validation:Enum=Fence;KeepForwarding
type Isolation string

// The policies for isolation.
const (
	// IsolationFence stops the unit: never two are active, and sometimes none is.
	IsolationFence Isolation = "Fence"
	// IsolationKeepForwarding lets the unit go on: one is always active, and sometimes both are.
	IsolationKeepForwarding Isolation = "KeepForwarding"
)

// PreemptionSpec selects whether the primary unit gets the active role back.
type PreemptionSpec struct {
	// policy is when the role returns to the primary unit. With Never it stays where it is: each switchover pauses the
	// traffic for a moment, and gains nothing where both nodes are equal. With WhenHealthy it returns once the primary
	// unit has held the state of the active unit, and has been as healthy, for delaySeconds.
	// +optional
	// +kubebuilder:default=Never
	Policy PreemptionPolicy `json:"policy,omitempty"`

	// delaySeconds is how long the primary unit must be ready for the role with policy WhenHealthy. With a short delay,
	// a node that restarts again and again takes the traffic each time.
	// +optional
	// +kubebuilder:default=300
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=86400
	DelaySeconds *int32 `json:"delaySeconds,omitempty"`
}

// PreemptionPolicy is when the active role returns to the primary unit.
//
// +kubebuilder:validation:Enum=Never;WhenHealthy
type PreemptionPolicy string

// The policies of preemption.
const (
	// PreemptNever leaves the role where it is.
	PreemptNever PreemptionPolicy = "Never"
	// PreemptWhenHealthy returns the role once the primary unit is in sync and as healthy as the active unit.
	PreemptWhenHealthy PreemptionPolicy = "WhenHealthy"
)

// MonitorsSpec is what each unit watches. The carrier of its traffic interfaces and its firewall are watched always.
type MonitorsSpec struct {
	// dampingSeconds is how long the standby must have been the healthier one before the role goes to it. A short time
	// follows a flapping link or target to and fro.
	// +optional
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=300
	DampingSeconds int32 `json:"dampingSeconds,omitempty"`

	// probes are targets that both units try to reach. One decides only while exactly one of the units reaches it. The
	// standby has none of the virtual addresses: it reaches a target only if its attachment gives it an address of its
	// own on that network.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Probes []ProbeSpec `json:"probes,omitempty"`
}

// ProbeSpec is one target that both units try to reach.
//
// +kubebuilder:validation:XValidation:rule="[has(self.icmp), has(self.tcp), has(self.http)].exists_one(x, x)",message="exactly one of icmp, tcp and http must be set, as in icmp: {host: 192.0.2.254}; remove the others, or add one"
// +kubebuilder:validation:XValidation:rule="self.timeoutMilliseconds < self.intervalMilliseconds",fieldPath=.timeoutMilliseconds,message="timeoutMilliseconds must be less than intervalMilliseconds, so that a probe has ended before the next begins; lower it, or raise intervalMilliseconds"
type ProbeSpec struct {
	// name of the probe, by which faults are reported.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Label().validate(self).hasValue()",message="the name of a probe must have only a-z, 0-9 and '-', and begin and end with a letter or digit, as in gateway"
	Name string `json:"name"`

	// network whose interface the probe is sent from; the name of one of spec.networks.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=15
	Network string `json:"network"`

	// icmp sends echo requests.
	// +optional
	ICMP *ICMPProbe `json:"icmp,omitempty"`

	// tcp opens a connection.
	// +optional
	TCP *TCPProbe `json:"tcp,omitempty"`

	// http asks for a path, and takes an answer with a status from 200 to 399 for success.
	// +optional
	HTTP *HTTPProbe `json:"http,omitempty"`

	// intervalMilliseconds is how often the target is probed.
	// +optional
	// +kubebuilder:default=1000
	// +kubebuilder:validation:Minimum=100
	// +kubebuilder:validation:Maximum=60000
	IntervalMilliseconds int32 `json:"intervalMilliseconds,omitempty"`

	// timeoutMilliseconds is how long an answer may take; less than intervalMilliseconds.
	// +optional
	// +kubebuilder:default=500
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=30000
	TimeoutMilliseconds int32 `json:"timeoutMilliseconds,omitempty"`

	// failureThreshold is how many probes in a row must fail before the target counts as out of reach.
	// +optional
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	FailureThreshold int32 `json:"failureThreshold,omitempty"`

	// successThreshold is how many probes in a row must succeed before the target counts as reached again.
	// +optional
	// +kubebuilder:default=2
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	SuccessThreshold int32 `json:"successThreshold,omitempty"`
}

// ICMPProbe is a target of echo requests.
type ICMPProbe struct {
	// host is the target's IPv4 or IPv6 address, as in 192.0.2.254.
	// +required
	Host ProbeHost `json:"host"`
}

// TCPProbe is a target of connections.
type TCPProbe struct {
	// host is the target's IPv4 or IPv6 address, as in 192.0.2.254.
	// +required
	Host ProbeHost `json:"host"`

	// port of the target.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`
}

// HTTPProbe is a target of requests in plain HTTP.
type HTTPProbe struct {
	// host is the target's IPv4 or IPv6 address, as in 192.0.2.254.
	// +required
	Host ProbeHost `json:"host"`

	// port of the target.
	// +optional
	// +kubebuilder:default=80
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`

	// path that is asked for.
	// +optional
	// +kubebuilder:default="/"
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="self.matches('^/[!-~]*$')",message="the path must begin with '/' and have neither blanks nor characters beyond ASCII, as in /healthz"
	Path string `json:"path,omitempty"`
}

// ProbeHost is the address of a target. Names are not looked up: a resolver that fails is no fault of the unit.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=39
// +kubebuilder:validation:XValidation:rule="isIP(self)",message="host must be an IPv4 or IPv6 address, as in 192.0.2.254; names are not looked up"
// +kubebuilder:validation:XValidation:rule="!isIP(self) || ip(self).isGlobalUnicast() || ip(self).isLinkLocalUnicast()",message="host must be the unicast address of another host: neither loopback, multicast nor unspecified"
type ProbeHost string
