package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// HAUnit reports one unit of an HAPair. The operator creates it with the pair and owns its spec; the unit's sidecar
// alone writes its status, and only when something changes. To change a pair, change its HAPair.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=haunits,singular=haunit,shortName=hau,categories={firewall}
// +kubebuilder:printcolumn:name="Pair",type=string,JSONPath=`.spec.pair`,description="HAPair that the unit belongs to"
// +kubebuilder:printcolumn:name="Unit",type=string,JSONPath=`.spec.unit`,description="Which unit of the pair it is"
// +kubebuilder:printcolumn:name="Role",type=string,JSONPath=`.status.role`,description="What the unit does now"
// +kubebuilder:printcolumn:name="Term",type=integer,JSONPath=`.status.term`,description="Highest term that the unit knows"
// +kubebuilder:printcolumn:name="Synchronized",type=string,JSONPath=`.status.conditions[?(@.type=="Synchronized")].status`,description="Whether the units hold the same state"
// +kubebuilder:printcolumn:name="Unhealthy",type=string,JSONPath=`.status.health[?(@.healthy==false)].name`,description="First health check that fails; empty while all pass"
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Fence",type=string,priority=1,JSONPath=`.status.fence`,description="What closes the unit's gate when its right to forward ends"
// +kubebuilder:printcolumn:name="Configuration",type=string,priority=1,JSONPath=`.status.configurationHash`,description="Hash of the firewall document in force"
// +kubebuilder:printcolumn:name="Promoted",type=date,priority=1,JSONPath=`.status.lastFailover.time`,description="When the unit became active last"
// +kubebuilder:printcolumn:name="Cause",type=string,priority=1,JSONPath=`.status.lastFailover.cause`,description="Why the unit became active last"
// +kubebuilder:validation:XValidation:rule="self.metadata.name == self.spec.pair + '-' + self.spec.unit",message="metadata.name must be <pair>-<unit>, as in edge-primary; the operator creates these objects"
type HAUnit struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec identifies the unit. It cannot be changed.
	// +required
	Spec HAUnitSpec `json:"spec"`

	// status is what the unit last reported about itself. Its sidecar alone writes it.
	// +optional
	Status HAUnitStatus `json:"status,omitempty"`
}

// HAUnitSpec identifies a unit.
//
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="the spec of an HAUnit cannot be changed; change the HAPair instead"
type HAUnitSpec struct {
	// pair is the name of the HAPair, in the same namespace.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	Pair string `json:"pair"`

	// unit of that pair.
	// +required
	// +kubebuilder:validation:Enum=primary;secondary
	Unit Unit `json:"unit"`
}

// HAUnitStatus is what a unit last reported about itself. The unit shortens lists and texts that exceed their bounds,
// so that it can always report.
type HAUnitStatus struct {
	// role of the unit: Active (carries the traffic), Standby (holds the active unit's state and waits), Fenced (was
	// active and lost the right to forward) or Starting (has no role yet).
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Role string `json:"role,omitempty"`

	// term is the highest term that the unit knows. It grows by one with every change of the active unit.
	// +optional
	Term int64 `json:"term,omitempty"`

	// incarnation identifies the process that wrote this status: <unit>/<UID of its pod>/<random>. A status of another
	// pod than the unit's current one is out of date.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Incarnation string `json:"incarnation,omitempty"`

	// fence is what closes the unit's gate in the kernel when its right to forward ends: BPF, NFTables (weaker, since
	// its deadline is relative), or Unavailable if the kernel refuses both.
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Fence string `json:"fence,omitempty"`

	// configurationHash is the SHA-256 of the firewall document in force, in hexadecimal; empty if no document is in
	// force.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	ConfigurationHash string `json:"configurationHash,omitempty"`

	// obstacles are the reasons why a unit without a role cannot become active.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MaxLength=1024
	Obstacles []string `json:"obstacles,omitempty"`

	// health has one entry for each thing that the unit monitors. A probe without a result yet is left out.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Health []UnitHealth `json:"health,omitempty"`

	// classes has one entry for each class of state that the unit replicates.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Classes []UnitClass `json:"classes,omitempty"`

	// lastFailover records how the unit became active last; absent if it never did.
	// +optional
	LastFailover *FailoverRecord `json:"lastFailover,omitempty"`

	// conditions of the unit: Synchronized, ConfigurationApplied, FenceArmed, AddressConflict.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// UnitHealth is the result of one health check of a unit.
type UnitHealth struct {
	// name of the check: Firewall, network/<name> for the link of a network, or probe/<name>.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=127
	Name string `json:"name"`

	// healthy is true while the check passes.
	// +required
	Healthy bool `json:"healthy"`

	// message describes the fault; empty while the check passes.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// UnitClass is one class of replicated state as the unit sees it.
type UnitClass struct {
	// name of the class, as in ConnectionCache.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`

	// state of the class: InSync, Synchronizing, Disconnected (from the peer) or TableFull (the kernel of this unit
	// accepts no more entries). Later releases may add states.
	// +required
	// +kubebuilder:validation:MaxLength=63
	State string `json:"state"`

	// since is when the class entered the state, by the unit's clock.
	// +required
	Since metav1.Time `json:"since"`

	// entries is the number of entries that the unit held when they were counted last; absent if it is unknown. It may
	// be out of date: the unit writes a status for this number alone when it doubled or halved, once a minute at most.
	// +optional
	Entries *int64 `json:"entries,omitempty"`

	// bytesPerSecond is how much of the class's state the unit sent a second, as the average of a minute and before
	// encryption; absent if it is unknown. The unit writes it with everything else, and when it doubled or halved.
	// +optional
	BytesPerSecond *int64 `json:"bytesPerSecond,omitempty"`
}

// HAUnitList is a list of units.
//
// +kubebuilder:object:root=true
type HAUnitList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []HAUnit `json:"items"`
}
