package components

import (
	"encoding/json"

	"github.com/hapair-io/hapair/test/cluster/internal/layout"
)

// networkConfig is the file that configures containerd's pod networks.
const networkConfig = "networks/10-hapair.conflist"

const specificationVersion = "1.0.0" // of CNI

// renderNetwork renders the configuration of multinet: the network of every pod, and how to read which others a pod
// requests.
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
