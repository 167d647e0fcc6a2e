package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/containernetworking/cni/pkg/types"
)

// config is what the runtime passes on standard input.
type config struct {
	types.PluginConf
	APIServer  apiServerConfig `json:"apiServer"`
	PodNetwork json.RawMessage `json:"podNetwork"` // the list of plugins that every pod's first interface is made by
}

// apiServerConfig says where the API server is and how to be believed there.
type apiServerConfig struct {
	URL         string `json:"url"`
	Authority   string `json:"authority"`   // file with the authority of the server's certificate
	Certificate string `json:"certificate"` // file with the plugin's own certificate
	Key         string `json:"key"`         // file with its key
}

func parseConfig(stdin []byte) (config, error) {
	var c config
	if err := json.Unmarshal(stdin, &c); err != nil {
		return c, fmt.Errorf("reading multinet's configuration: %w", err)
	}
	if len(c.PodNetwork) == 0 {
		return c, errors.New("multinet's configuration has no podNetwork")
	}
	if c.APIServer.URL == "" {
		return c, errors.New("multinet's configuration has no apiServer.url")
	}
	return c, nil
}

// podReference says which pod the call is for.
type podReference struct{ Namespace, Name, UID string }

// parsePodReference reads CNI_ARGS, KEY=VALUE pairs with semicolons in between. A container outside of Kubernetes has
// none of these keys and no networks but the first.
func parsePodReference(args string) podReference {
	var pod podReference
	for pair := range strings.SplitSeq(args, ";") {
		switch key, value, _ := strings.Cut(pair, "="); key {
		case "K8S_POD_NAMESPACE":
			pod.Namespace = value
		case "K8S_POD_NAME":
			pod.Name = value
		case "K8S_POD_UID":
			pod.UID = value
		}
	}
	return pod
}
