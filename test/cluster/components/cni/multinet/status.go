package main

import (
	"github.com/containernetworking/cni/pkg/types"
	types100 "github.com/containernetworking/cni/pkg/types/100"
)

// statusAnnotation is the annotation that reports the networks of an attached pod.
const statusAnnotation = "k8s.v1.cni.cncf.io/network-status"

// networkStatus is one entry of the annotation.
type networkStatus struct {
	Name      string   `json:"name"`
	Interface string   `json:"interface"`
	IPs       []string `json:"ips,omitempty"`
	MAC       string   `json:"mac,omitempty"`
	Default   bool     `json:"default,omitempty"`
}

func newStatus(attachments []attachment, results []types.Result) []networkStatus {
	statuses := make([]networkStatus, 0, len(attachments))
	for i, a := range attachments {
		status := networkStatus{Name: a.Network, Interface: a.Interface, Default: i == 0}
		if result, err := types100.NewResultFromResult(results[i]); err == nil {
			status.IPs, status.MAC = addressesOf(result, a.Interface)
		}
		statuses = append(statuses, status)
	}
	return statuses
}

// addressesOf returns the addresses of one interface inside the pod.
func addressesOf(result *types100.Result, name string) (ips []string, mac string) {
	for _, ip := range result.IPs {
		ips = append(ips, ip.Address.IP.String())
	}
	for _, iface := range result.Interfaces {
		if iface.Name == name && iface.Sandbox != "" {
			mac = iface.Mac
		}
	}
	return ips, mac
}
