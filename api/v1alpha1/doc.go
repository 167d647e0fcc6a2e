// Package v1alpha1 is the Kubernetes API of hapair. HAPair is a stateful firewall that runs as an active/standby pair,
// FirewallConfiguration is what that firewall allows and translates, SyncPolicy selects the state that a pair
// replicates, and HAUnit is what each unit reports.
//
// The package has types, validation rules and names. It decides nothing: the operator (controllers) and the units
// (internal/sidecar) import it and act on it.
//
// +kubebuilder:object:generate=true
// +kubebuilder:ac:generate=true
// +kubebuilder:ac:output:package=../../internal/applyconfiguration
// +groupName=hapair.io
package v1alpha1
