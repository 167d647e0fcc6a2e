// Multinet is a CNI plugin that attaches a pod to several networks. It first attaches the network of all pods. Then it
// reads the pod's annotation k8s.v1.cni.cncf.io/networks and attaches each NetworkAttachmentDefinition named there.
//
// It implements the part of the Network Plumbing Working Group's specification that a firewall pod needs: both forms of
// the annotation, requested names, addresses and hardware addresses of interfaces, and the status annotation. It is not
// a replacement for Multus outside the test cluster.
//
// containerd calls it once for each pod that is created or deleted. The plugin records the attachments of a pod on the
// node's disk. This way it detaches a pod with the same configuration, even while the API server is unreachable.
package main
