package components

import (
	"encoding/json"

	"github.com/hapair-io/hapair/test/cluster/internal/layout"
)

// networkConfig tells containerd how a pod gets its interfaces.
const networkConfig = "networks/10-hapair.conflist"

const specificationVersion = "1.0.0" // of CNI

// renderNetwork renders what multinet reads: the network of every pod, and how to ask which others a pod wants.
func renderNetwork(host layout.Host, paths Paths, _ string) ([]byte, error) {
	type object = map[string]any
	pods := object{
		"cniVersion": specificationVersion,
		"name":       "pods",
		"plugins": []object{{
			"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
			"ipam": object{
				"type":   "host-local",
				"ranges": [][]object{{{"subnet": host.PodSubnet.String()}}},
				"routes": []object{{"dst": "0.0.0.0/0"}},
			},
		}},
	}
	return json.MarshalIndent(object{
		"cniVersion": specificationVersion,
		"name":       "hapair",
		"plugins": []object{{
			"type": "multinet",
			"apiServer": object{
				"url":         apiServerURL(),
				"authority":   paths.authority(),
				"certificate": paths.certificate(networkUser),
				"key":         paths.key(networkUser),
			},
			"podNetwork": pods,
		}},
	}, "", "  ")
}
