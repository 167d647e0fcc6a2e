package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// networksAnnotation is the annotation with which a pod requests networks.
const networksAnnotation = "k8s.v1.cni.cncf.io/networks"

// longestInterfaceName is the longest name that the kernel accepts.
const longestInterfaceName = 15

// selection is one network that a pod requests.
type selection struct {
	Name      string   `json:"name"`
	Namespace string   `json:"namespace,omitempty"`
	Interface string   `json:"interface,omitempty"`
	IPs       []string `json:"ips,omitempty"` // addresses with their prefix lengths
	MAC       string   `json:"mac,omitempty"`
}

// parseSelections parses both forms of the annotation: a JSON list of objects, and a comma-separated list of
// [NAMESPACE/]NAME[@INTERFACE]. The default namespace is the pod's. The default interfaces are net1, net2 and so on.
func parseSelections(annotation, namespace string) ([]selection, error) {
	annotation = strings.TrimSpace(annotation)
	if annotation == "" {
		return nil, nil
	}
	var selections []selection
	if strings.HasPrefix(annotation, "[") {
		if err := json.Unmarshal([]byte(annotation), &selections); err != nil {
			return nil, err
		}
	} else {
		for text := range strings.SplitSeq(annotation, ",") {
			selections = append(selections, parseShort(text))
		}
	}
	interfaces := map[string]bool{}
	for i := range selections {
		s := &selections[i]
		s.complete(namespace, i+1)
		if err := s.validate(); err != nil {
			return nil, fmt.Errorf("network %d: %w", i+1, err)
		}
		if interfaces[s.Interface] {
			return nil, fmt.Errorf("network %d: interface %s is requested twice", i+1, s.Interface)
		}
		interfaces[s.Interface] = true
	}
	return selections, nil
}

func parseShort(text string) selection {
	var s selection
	name, iface, _ := strings.Cut(strings.TrimSpace(text), "@")
	s.Interface = iface
	if namespace, rest, ok := strings.Cut(name, "/"); ok {
		s.Namespace, name = namespace, rest
	}
	s.Name = name
	return s
}

func (s *selection) complete(namespace string, position int) {
	if s.Namespace == "" {
		s.Namespace = namespace
	}
	if s.Interface == "" {
		s.Interface = fmt.Sprintf("net%d", position)
	}
}

func (s *selection) validate() error {
	for what, name := range map[string]string{"name": s.Name, "namespace": s.Namespace} {
		// Both become parts of a URL of the API server.
		if name == "" || strings.ContainsAny(name, "/?#% ") {
			return fmt.Errorf("%q is not a valid %s", name, what)
		}
	}
	if len(s.Interface) > longestInterfaceName || strings.ContainsAny(s.Interface, "/: ") {
		return fmt.Errorf("%q is not a valid interface name", s.Interface)
	}
	for _, ip := range s.IPs {
		if _, err := netip.ParsePrefix(ip); err != nil {
			return fmt.Errorf("address %q: want an address with its prefix length, as in 192.0.2.1/24", ip)
		}
	}
	if s.MAC != "" {
		if _, err := net.ParseMAC(s.MAC); err != nil {
			return fmt.Errorf("hardware address %q: %w", s.MAC, err)
		}
	}
	return nil
}
