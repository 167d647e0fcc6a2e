package v1alpha1

import corev1 "k8s.io/api/core/v1"

// ProviderSpec is a process of a third party that runs in both units' pods. It publishes its state over a unix socket,
// and gets it back after a failover. The contract is in docs/providers.md.
//
// +kubebuilder:validation:XValidation:rule="!has(self.quotas) || self.quotas.all(q, q.class != 'DynamicAddressObjects' && has(self.writes) && q.class in self.writes)",message="a class in quotas must be one of the provider's own, in its writes; add it there, or remove the quota",fieldPath=".quotas"
// +kubebuilder:validation:XValidation:rule="!has(self.addressObjects) || has(self.writes) && 'DynamicAddressObjects' in self.writes || has(self.reads) && 'DynamicAddressObjects' in self.reads",message="addressObjects restrict the class DynamicAddressObjects, which the provider does not have; add it to writes, or remove addressObjects",fieldPath=".addressObjects"
//
// The container has a read-only root, no token of the API server, and 16 MiB in memory at /tmp. It shares the network
// of the pod.
type ProviderSpec struct {
	// name of the provider. Its container is named provider-<name>.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="the name of a provider must begin with a letter and have only a-z, 0-9 and '-', as in kea, since its container has the same name"
	// +kubebuilder:validation:XValidation:rule="!(self in ['firewall', 'vpn', 'routing'])",message="firewall, vpn and routing are the names of the operator's own programs; choose another name"
	Name string `json:"name"`

	// image is the container image of the provider.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Image string `json:"image"`

	// runAsUser is the user ID of the process. The sidecar refuses connections of another user, so no two providers may
	// have the same one.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=2147483647
	// +kubebuilder:validation:XValidation:rule="self < 65532 || self > 65535",message="the user IDs 65532 to 65535 are those of the operator's own programs and of nobody; choose another, as in 20001"
	RunAsUser int64 `json:"runAsUser"`

	// capabilities of the process. A process that is not root has only those that the file of its program permits, as set
	// with setcap. A port below 1024 needs none on most nodes.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=2
	Capabilities []ProviderCapability `json:"capabilities,omitempty"`

	// writes are the classes of state that the provider publishes. Only one provider may publish a class. Any number may
	// have DynamicAddressObjects, and with it add and remove addresses of the dynamic address objects.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	Writes []ProviderClassName `json:"writes,omitempty"`

	// reads are the classes that the provider reads. It may also read those that it writes.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	Reads []ProviderClassName `json:"reads,omitempty"`

	// addressObjects are the dynamic address objects that the provider may use, if it has the class DynamicAddressObjects.
	// Without it, the provider may use every one.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	AddressObjects []AddressObjectName `json:"addressObjects,omitempty"`

	// quotas bound classes of writes, so that no class fills the common table for the others. What they do not name is an
	// equal share of what all quotas leave of 65,536 entries and 64 MiB.
	// +optional
	// +listType=map
	// +listMapKey=class
	// +kubebuilder:validation:MaxItems=8
	Quotas []ProviderQuota `json:"quotas,omitempty"`

	// command replaces the entrypoint of the image.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=1024
	Command []string `json:"command,omitempty"`

	// args replace the arguments of the image.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=1024
	Args []string `json:"args,omitempty"`

	// env are environment variables. HAPAIR_SOCKET is the path of the socket and is always set.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Env []ProviderVariable `json:"env,omitempty"`

	// resources are the requests and limits of the container.
	// +optional
	Resources corev1.ResourceRequirements `json:"resources,omitempty"`
}

// ProviderClassName is the name of a class of state that a provider publishes or reads: one of its own, or
// DynamicAddressObjects.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:XValidation:rule="self == 'DynamicAddressObjects' || self.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="a class of a provider must begin with a letter and have only a-z, 0-9 and '-', as in leases, or be DynamicAddressObjects"
type ProviderClassName string

// AddressObjectName is the name of an address object of the FirewallConfiguration.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=63
// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')",message="a name must begin with a letter, have only a-z, 0-9 and '-', and not end with '-', as in scanners"
type AddressObjectName string

// ProviderQuota bounds one class of a provider.
//
// +kubebuilder:validation:MinProperties=2
type ProviderQuota struct {
	// class is one of writes.
	// +required
	Class ProviderClassName `json:"class"`

	// entries is how many entries the class may have.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65536
	Entries int32 `json:"entries,omitempty"`

	// mebibytes is how large the entries may be together. Each counts its key, its value and 192 bytes.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=64
	Mebibytes int32 `json:"mebibytes,omitempty"`
}

// ProviderCapability is a capability that a provider may have. None of them lets a process change the rules, routes or
// addresses of the unit.
//
// +kubebuilder:validation:Enum=NET_BIND_SERVICE;NET_RAW
type ProviderCapability string

// The capabilities that a provider may have.
const (
	// ProviderBindsPorts lets a process listen at ports below 1024.
	ProviderBindsPorts ProviderCapability = "NET_BIND_SERVICE"
	// ProviderSendsRaw lets a process send and receive packets that it makes itself, as a DHCP server does.
	ProviderSendsRaw ProviderCapability = "NET_RAW"
)

// ProviderVariable is an environment variable of a provider.
type ProviderVariable struct {
	// name of the variable.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z_][A-Za-z0-9_]*$')",message="the name of a variable must begin with a letter or '_' and have only letters, digits and '_', as in LEASE_SECONDS"
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('HAPAIR_')",message="variables that begin with HAPAIR_ are set by the operator; choose another name"
	Name string `json:"name"`

	// value of the variable. Do not put secrets here: everyone who may read the pair can read it.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Value string `json:"value,omitempty"`
}
