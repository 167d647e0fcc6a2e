package sidecar

import (
	"net/netip"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestAddressOf(t *testing.T) {
	for ip, want := range map[string]netip.Addr{
		"":          {},
		"10.0.0.7":  netip.MustParseAddr("10.0.0.7"),
		"fd00::7":   netip.MustParseAddr("fd00::7"),
		"elsewhere": {},
	} {
		if got := addressOf(&corev1.Pod{Status: corev1.PodStatus{PodIP: ip}}); got != want {
			t.Errorf("%q: %s", ip, got)
		}
	}
	if addressOf("no pod").IsValid() {
		t.Error("something else has an address")
	}
}
