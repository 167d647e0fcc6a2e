package v1alpha1

// The rule about the derived grant checks that heartbeatIntervalMilliseconds is set, although it has a default. The API
// server validates the default of spec.failover, {}, before it adds the defaults of the fields.

// FailoverSpec tunes how the pair decides about a change of the active unit. docs/failover.md explains when to change
// these fields, and what each choice costs.
//
// The detection time is heartbeatIntervalMilliseconds × missedHeartbeats. A unit that is silent for that long is
// treated as failed. The grant bounds the interruption of the traffic that follows.
//
// +kubebuilder:validation:XValidation:rule="!has(self.grantMilliseconds) || self.grantMilliseconds >= self.heartbeatIntervalMilliseconds * self.missedHeartbeats + 20",fieldPath=.grantMilliseconds,message="grantMilliseconds must be at least heartbeatIntervalMilliseconds × missedHeartbeats + 20, or the grant would end before a failure is detected; raise it, or leave it out for a derived value"
// +kubebuilder:validation:XValidation:rule="!has(self.grantMilliseconds) || self.grantMilliseconds * 2 <= self.leaseDurationSeconds * 1000",fieldPath=.grantMilliseconds,message="grantMilliseconds must be at most half of leaseDurationSeconds; lower it, or raise leaseDurationSeconds"
// +kubebuilder:validation:XValidation:rule="has(self.grantMilliseconds) || !has(self.heartbeatIntervalMilliseconds) || self.heartbeatIntervalMilliseconds * self.missedHeartbeats + (self.heartbeatIntervalMilliseconds * self.missedHeartbeats >= 120 ? self.heartbeatIntervalMilliseconds * self.missedHeartbeats / 2 : 60) <= self.leaseDurationSeconds * 500",fieldPath=.leaseDurationSeconds,message="the grant derived from heartbeatIntervalMilliseconds × missedHeartbeats must be at most half of leaseDurationSeconds; lower one of the two, or raise leaseDurationSeconds"
type FailoverSpec struct {
	// heartbeatIntervalMilliseconds is the time between two heartbeats of the active unit. Below 50, a pause of a busy
	// node or network can look like a failure: measure the pauses of your nodes first.
	// +optional
	// +kubebuilder:default=100
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=1000
	HeartbeatIntervalMilliseconds int32 `json:"heartbeatIntervalMilliseconds,omitempty"`

	// missedHeartbeats is the number of heartbeats in a row that must be missing before a unit treats its peer as failed.
	// With 2, one lost packet and a little delay are enough.
	// +optional
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=2
	// +kubebuilder:validation:Maximum=10
	MissedHeartbeats int32 `json:"missedHeartbeats,omitempty"`

	// grantMilliseconds is how long the active unit may forward after each acknowledgement of the standby. The standby
	// does not become active during that time. When the grant ends, the kernel of the active unit stops forwarding.
	//
	// The grant bounds the interruption when the active unit fails. When the standby fails, the API server must answer
	// within the part of the grant that exceeds the detection time. Without this field the grant is 1.5 times the
	// detection time, but at least 60 longer than it. It must be at least 20 longer than the detection time, and at most
	// half of leaseDurationSeconds.
	// +optional
	// +kubebuilder:validation:Minimum=40
	// +kubebuilder:validation:Maximum=30000
	GrantMilliseconds int32 `json:"grantMilliseconds,omitempty"`

	// leaseDurationSeconds is how long an active unit without a standby may forward after it last renewed the Lease. It
	// renews the Lease three times in that period. A unit that has no contact with the active unit waits slightly longer
	// than that before it takes over.
	// +optional
	// +kubebuilder:default=15
	// +kubebuilder:validation:Minimum=2
	// +kubebuilder:validation:Maximum=60
	LeaseDurationSeconds int32 `json:"leaseDurationSeconds,omitempty"`

	// isolation is what the active unit does when neither its peer nor the API server answers. With Fence it stops
	// forwarding, so that never two units are active. With KeepForwarding it continues. Traffic then survives the loss of
	// both the API server and the standby. But if only the network between the units failed, both units are active with
	// the same addresses, and connections break.
	// +optional
	// +kubebuilder:default=Fence
	Isolation Isolation `json:"isolation,omitempty"`

	// preemption selects whether the active role returns to the primary unit.
	// +optional
	// +kubebuilder:default={}
	Preemption PreemptionSpec `json:"preemption,omitempty"`

	// monitors configures the health checks of the units. The active role moves to the standby if the standby is
	// healthier, and never because of a fault that both units have.
	// +optional
	// +kubebuilder:default={}
	Monitors MonitorsSpec `json:"monitors,omitempty"`
}

// Isolation is what an active unit does when neither its peer nor the API server answers.
//
// +kubebuilder:validation:Enum=Fence;KeepForwarding
type Isolation string

// The policies for isolation.
const (
	// IsolationFence stops the unit: at most one unit is active at any time.
	IsolationFence Isolation = "Fence"
	// IsolationKeepForwarding lets the unit continue: traffic continues, but both units can be active.
	IsolationKeepForwarding Isolation = "KeepForwarding"
)

// PreemptionSpec selects whether the active role returns to the primary unit.
type PreemptionSpec struct {
	// policy selects when the role returns to the primary unit. With Never it does not return by itself. Each switchover
	// pauses the traffic for a moment, so prefer Never if both nodes are equal. With WhenHealthy it returns when the
	// primary unit has been in sync, and as healthy as the active unit, for delaySeconds.
	// +optional
	// +kubebuilder:default=Never
	Policy PreemptionPolicy `json:"policy,omitempty"`

	// delaySeconds is how long the primary unit must be in sync and healthy before the role returns, with policy
	// WhenHealthy. With a short delay, a node that restarts repeatedly takes the traffic each time.
	// +optional
	// +kubebuilder:default=300
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=86400
	DelaySeconds *int32 `json:"delaySeconds,omitempty"`
}

// PreemptionPolicy selects when the active role returns to the primary unit.
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

// MonitorsSpec configures the health checks of the units. Each unit always checks its firewall and the link of its
// networks.
type MonitorsSpec struct {
	// dampingSeconds is how long the standby must be healthier than the active unit before the role moves to it. With a
	// short time, a flapping link or target moves the role back and forth.
	// +optional
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=300
	DampingSeconds int32 `json:"dampingSeconds,omitempty"`

	// probes are targets that both units try to reach. A probe counts only while exactly one unit reaches its target. The
	// standby does not hold the virtual addresses: it reaches a target only if its attachment gives it an own address on
	// that network.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Probes []ProbeSpec `json:"probes,omitempty"`
}

// ProbeSpec is one target that both units try to reach.
//
// +kubebuilder:validation:XValidation:rule="[has(self.icmp), has(self.tcp), has(self.http)].exists_one(x, x)",message="exactly one of icmp, tcp and http must be set, as in icmp: {host: 192.0.2.254}; remove the others, or add one"
// +kubebuilder:validation:XValidation:rule="self.timeoutMilliseconds < self.intervalMilliseconds",fieldPath=.timeoutMilliseconds,message="timeoutMilliseconds must be less than intervalMilliseconds, so that a probe ends before the next one begins; lower it, or raise intervalMilliseconds"
type ProbeSpec struct {
	// name of the probe. The unit reports a fault under this name.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Label().validate(self).hasValue()",message="the name of a probe must have only a-z, 0-9 and '-', and begin and end with a letter or digit, as in gateway"
	Name string `json:"name"`

	// network whose interface sends the probe. It must be the name of one of spec.networks.
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

	// http sends a GET request. It succeeds if the status of the response is from 200 to 399.
	// +optional
	HTTP *HTTPProbe `json:"http,omitempty"`

	// intervalMilliseconds is the time between the starts of two probes.
	// +optional
	// +kubebuilder:default=1000
	// +kubebuilder:validation:Minimum=100
	// +kubebuilder:validation:Maximum=60000
	IntervalMilliseconds int32 `json:"intervalMilliseconds,omitempty"`

	// timeoutMilliseconds is how long a response may take. It must be less than intervalMilliseconds.
	// +optional
	// +kubebuilder:default=500
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=30000
	TimeoutMilliseconds int32 `json:"timeoutMilliseconds,omitempty"`

	// failureThreshold is the number of probes in a row that must fail before the target counts as unreachable.
	// +optional
	// +kubebuilder:default=3
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	FailureThreshold int32 `json:"failureThreshold,omitempty"`

	// successThreshold is the number of probes in a row that must succeed before the target counts as reachable again.
	// +optional
	// +kubebuilder:default=2
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	SuccessThreshold int32 `json:"successThreshold,omitempty"`
}

// ICMPProbe is a target for ICMP echo requests.
type ICMPProbe struct {
	// host is the target's IPv4 or IPv6 address, as in 192.0.2.254.
	// +required
	Host ProbeHost `json:"host"`
}

// TCPProbe is a target for TCP connections.
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

// HTTPProbe is a target for HTTP requests without TLS.
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

	// path of the request.
	// +optional
	// +kubebuilder:default="/"
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="self.matches('^/([!-$&-~]|%[0-9A-Fa-f]{2})*$')",message="path must begin with '/' and have only printable ASCII characters without spaces, and two hexadecimal digits after each '%', as in /healthz"
	Path string `json:"path,omitempty"`
}

// ProbeHost is the address of a target. Host names are not allowed: a resolver that fails is not a fault of the unit.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=39
// +kubebuilder:validation:XValidation:rule="isIP(self)",message="host must be an IPv4 or IPv6 address, as in 192.0.2.254; replace a host name by its address"
// +kubebuilder:validation:XValidation:rule="!isIP(self) || ip(self).isGlobalUnicast() || ip(self).isLinkLocalUnicast()",message="host must be the unicast address of another host; choose one that is neither loopback, multicast nor unspecified"
type ProbeHost string
