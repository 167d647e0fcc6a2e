package v1alpha1

import corev1 "k8s.io/api/core/v1"

// UnitsSpec configures the pods of both units. A change replaces one unit after the other.
type UnitsSpec struct {
	// metadata is added to the pods.
	// +optional
	Metadata UnitMetadata `json:"metadata,omitempty"`

	// scheduling selects the nodes on which the pods may run.
	// +optional
	Scheduling SchedulingSpec `json:"scheduling,omitempty"`

	// runtimeClassName names the RuntimeClass of the pods; empty for the default of the cluster.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self == '' || !format.dns1123Subdomain().validate(self).hasValue()",message="runtimeClassName must be a lowercase RFC 1123 subdomain: a-z, 0-9, '-' and '.', as in kata"
	RuntimeClassName string `json:"runtimeClassName,omitempty"`

	// imagePullSecrets are Secrets that the kubelet uses to pull the images. They must be in the namespace of the pair.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:XValidation:rule="self.name.size() > 0",message="the name of a pull secret must be set, as in registry"
	ImagePullSecrets []corev1.LocalObjectReference `json:"imagePullSecrets,omitempty"`

	// sidecar configures the container that replicates the state and decides the role of the unit. It requests 100m of
	// CPU and 64Mi of memory unless resources has a request or a limit for them.
	// +optional
	// +kubebuilder:default={}
	Sidecar ContainerSpec `json:"sidecar,omitempty"`

	// firewall configures the container of the firewall. It requests as much as the sidecar by default.
	// +optional
	// +kubebuilder:default={}
	Firewall ContainerSpec `json:"firewall,omitempty"`

	// vpn configures the container of the IKE daemon, which only pairs with spec.vpn have. It requests 50m of CPU and
	// 32Mi of memory by default.
	// +optional
	VPN *ContainerSpec `json:"vpn,omitempty"`

	// routing configures the container of the routing daemons, which only pairs with spec.dynamicRouting have. It requests
	// 50m of CPU and 64Mi of memory by default.
	// +optional
	Routing *ContainerSpec `json:"routing,omitempty"`
}

// UnitMetadata is added to the pods of both units.
type UnitMetadata struct {
	// labels of the pods. You cannot set the labels of the operator: those that begin with hapair.io/, and name, instance
	// and managed-by of app.kubernetes.io.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(key, !key.startsWith('hapair.io/'))",message="labels that begin with hapair.io/ are set by the operator; remove them, or use a prefix of your own, as in example.com/team"
	// +kubebuilder:validation:XValidation:rule="!('app.kubernetes.io/name' in self || 'app.kubernetes.io/instance' in self || 'app.kubernetes.io/managed-by' in self)",message="the labels name, instance and managed-by of app.kubernetes.io are set by the operator; remove them, or use app.kubernetes.io/part-of"
	Labels map[string]string `json:"labels,omitempty"`

	// annotations of the pods. You cannot set those that begin with hapair.io/, k8s.v1.cni.cncf.io/ or v1.multus-cni.io/.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(key, !key.startsWith('hapair.io/'))",message="annotations that begin with hapair.io/ are set by the operator; remove them, or use a prefix of your own, as in example.com/team"
	// +kubebuilder:validation:XValidation:rule="self.all(key, !key.startsWith('k8s.v1.cni.cncf.io/') && !key.startsWith('v1.multus-cni.io/'))",message="annotations that attach networks are made from spec.networks; remove those that begin with k8s.v1.cni.cncf.io/ or v1.multus-cni.io/, and add a network there"
	Annotations map[string]string `json:"annotations,omitempty"`
}

// SchedulingSpec selects the nodes on which the units may run. The units always avoid each other's node.
type SchedulingSpec struct {
	// nodeSelector restricts the nodes to those with these labels.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// tolerations let the units run on nodes with matching taints.
	// +optional
	// +kubebuilder:validation:MaxItems=16
	// +listType=atomic
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`

	// affinity attracts the units to nodes and pods, or keeps them away. The operator adds a rule that places the units on
	// different nodes.
	// +optional
	Affinity *corev1.Affinity `json:"affinity,omitempty"`

	// topologySpreadConstraints spread the units across zones or other domains. A constraint without labelSelector
	// counts the units of this pair.
	// +optional
	// +listType=map
	// +listMapKey=topologyKey
	// +listMapKey=whenUnsatisfiable
	// +kubebuilder:validation:MaxItems=8
	TopologySpreadConstraints []corev1.TopologySpreadConstraint `json:"topologySpreadConstraints,omitempty"`

	// priorityClassName of the pods; empty for the default of the cluster.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	PriorityClassName string `json:"priorityClassName,omitempty"`

	// allowSameNode lets both units run on one node when no second node has capacity. Such a pair does not survive the
	// loss of that node; use it for trials.
	// +optional
	AllowSameNode bool `json:"allowSameNode,omitempty"`
}

// ContainerSpec configures one container of both units' pods.
type ContainerSpec struct {
	// resources are the requests and limits of the container.
	// +optional
	Resources corev1.ResourceRequirements `json:"resources,omitempty"`

	// logLevel selects how much the container logs. Debug adds each step of a decision.
	// +optional
	// +kubebuilder:default=Info
	LogLevel LogLevel `json:"logLevel,omitempty"`
}

// LogLevel is how much a container logs.
//
// +kubebuilder:validation:Enum=Info;Debug
type LogLevel string

// The log levels, from the least to the most verbose.
const (
	// LogInfo logs what an administrator needs to know.
	LogInfo LogLevel = "Info"
	// LogDebug adds what a developer needs to know.
	LogDebug LogLevel = "Debug"
)
