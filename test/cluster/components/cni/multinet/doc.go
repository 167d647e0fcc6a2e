// Multinet is a CNI plugin that gives a pod more than one network. It runs the network that every pod gets, then reads
// the pod's annotation k8s.v1.cni.cncf.io/networks and runs each NetworkAttachmentDefinition named there.
//
// It follows the Network Plumbing Working Group's specification of that annotation, as Multus does, as far as a
// firewall's pod needs it: both forms of the annotation, names of interfaces, addresses and hardware addresses asked
// for, and the status annotation. It is not a replacement of Multus outside of the test cluster.
//
// containerd calls it once for each pod that comes or goes. What it ran for a pod is on record on the node's disk, so
// that a pod is taken down by the same configuration that put it up, also when the API server is out of reach.
package main
