// Package v1alpha1 is the API of hapair: HAPair, a stateful firewall run as an active/standby pair, and SyncPolicy,
// what of its state the pair replicates. It holds types and their validation; what becomes of them is the
// controllers' affair.
//
// +kubebuilder:object:generate=true
// +groupName=hapair.io
package v1alpha1
