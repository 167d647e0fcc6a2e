package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/containernetworking/cni/pkg/types"
)

// config is the configuration that the runtime passes on standard input.
type config struct {
	types.PluginConf
	APIServer  apiServerConfig `json:"apiServer"`
	PodNetwork json.RawMessage `json:"podNetwork"` // the plugins for every pod's first interface
}

// apiServerConfig has the address of the API server and the credentials for it.
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

// podReference identifies the pod of a call.
type podReference struct{ Namespace, Name, UID string }

// parsePodReference parses CNI_ARGS: KEY=VALUE pairs, separated by semicolons. A container outside Kubernetes has none
// of these keys, and only the first network.
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
