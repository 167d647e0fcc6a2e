package resources_test

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/resources"
)

// The firewall may come from another vendor. With the token of the unit it could write the Lease, and with the
// certificate it could replicate as the unit.
func TestEachContainerHoldsItsOwnCredentials(t *testing.T) {
	for name, pair := range map[string]*v1alpha1.HAPair{"smallest": smallest(), "largest": largest()} {
		t.Run(name, func(t *testing.T) {
			for _, unit := range v1alpha1.Units() {
				pod, err := resources.Pod(pair, unit, images, replicating(t, contract.Sync{}))
				if err != nil {
					t.Fatal(err)
				}
				if mounted := pod.Spec.AutomountServiceAccountToken; mounted == nil || *mounted {
					t.Error("Kubernetes would mount the token into every container")
				}
				credentials := credentialVolumes(pod.Spec)
				for _, container := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
					var held []string
					for _, mount := range container.VolumeMounts {
						if slices.Contains(credentials, *mount.Name) {
							held = append(held, *mount.MountPath)
						}
					}
					var want []string
					switch *container.Name {
					case resources.ContainerVPN:
						want = []string{contract.VPNSecretDirectory, "/dev/net"}
					case resources.ContainerRouting:
						want = []string{contract.RoutingSecretDirectory}
					case resources.ContainerSidecar:
						want = []string{contract.TLSDirectory, "/etc/hapair/metrics", "/var/run/secrets/kubernetes.io/serviceaccount"}
					}
					if !slices.Equal(held, want) {
						t.Errorf("container %s has the credentials %v, want %v", *container.Name, held, want)
					}
					if len(container.EnvFrom) > 0 || slices.ContainsFunc(container.Env, readsSecret) {
						t.Errorf("container %s has a Secret in its environment", *container.Name)
					}
				}
			}
		})
	}
}

// credentialVolumes returns the names of the volumes that hold a Secret or a token.
func credentialVolumes(spec *corev1ac.PodSpecApplyConfiguration) (names []string) {
	for _, volume := range spec.Volumes {
		if volume.Secret != nil || volume.Projected != nil || volume.CSI != nil || volume.HostPath != nil {
			names = append(names, *volume.Name)
		}
	}
	return names
}

func readsSecret(variable corev1ac.EnvVarApplyConfiguration) bool {
	return variable.ValueFrom != nil && variable.ValueFrom.SecretKeyRef != nil
}

// A token without an end would still be valid after it was stolen.
func TestTokenExpires(t *testing.T) {
	pod, err := resources.Pod(smallest(), v1alpha1.Primary, images, replicating(t, contract.Sync{}))
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, volume := range pod.Spec.Volumes {
		if volume.Projected == nil {
			continue
		}
		for _, source := range volume.Projected.Sources {
			switch {
			case source.ServiceAccountToken != nil:
				if seconds := *source.ServiceAccountToken.ExpirationSeconds; seconds < 600 || seconds > 3600 {
					t.Errorf("the token is valid for %d seconds", seconds)
				}
				paths = append(paths, *source.ServiceAccountToken.Path)
			case source.ConfigMap != nil:
				paths = append(paths, *source.ConfigMap.Items[0].Path)
			case source.DownwardAPI != nil:
				paths = append(paths, *source.DownwardAPI.Items[0].Path)
			}
		}
	}
	// client-go reads the first two of these names.
	if want := []string{"token", "ca.crt", "namespace"}; !slices.Equal(paths, want) {
		t.Errorf("got the files %v, want %v", paths, want)
	}
}

// The spec may come from an earlier release whose API admitted these ports.
func TestServiceNeverOpensPortsOfUnits(t *testing.T) {
	for _, target := range []v1alpha1.ServiceTarget{v1alpha1.TargetActiveUnit, v1alpha1.TargetVirtualAddress} {
		for _, reserved := range contract.ReservedPorts() {
			pair := largest()
			pair.Spec.Service.Target = target
			pair.Spec.Service.Ports = []v1alpha1.ServicePort{
				{Name: "direct", Port: reserved},
				{Name: "hidden", Port: 443, TargetPort: reserved, Protocol: corev1.ProtocolUDP},
				{Name: "other", Port: reserved, TargetPort: 8443},
			}
			err := resources.CheckService(pair.Spec.Service)
			if err == nil || !strings.Contains(err.Error(), "spec.service.ports[0]: ") ||
				!strings.Contains(err.Error(), "spec.service.ports[1]: ") || strings.Contains(err.Error(), "ports[2]") {
				t.Errorf("port %d: got the error %v", reserved, err)
			}
			ports := resources.Service(pair).Spec.Ports
			if len(ports) != 1 || *ports[0].Name != "other" {
				t.Errorf("the Service has the ports %v", ports)
			}
			for _, family := range []discoveryv1.AddressType{discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6} {
				if ports := resources.EndpointSlice(pair, family, nil).Ports; len(ports) != 1 || *ports[0].Port != 8443 {
					t.Errorf("the EndpointSlice has the ports %v", ports)
				}
			}
			for _, rule := range resources.NetworkPolicy(pair).Spec.Ingress {
				if len(rule.From) > 0 {
					continue // units and scrapers
				}
				if len(rule.Ports) != 1 || rule.Ports[0].Port.IntVal != 8443 {
					t.Errorf("anybody may reach %v", rule.Ports)
				}
			}
		}
	}
}

// A rule without ports would admit all of them.
func TestPolicyOfServiceWithoutPortsOpensNone(t *testing.T) {
	pair := largest()
	pair.Spec.Service.Target = v1alpha1.TargetActiveUnit
	pair.Spec.Service.Ports = []v1alpha1.ServicePort{{Name: "sync", Port: contract.SyncPort}}
	for _, rule := range resources.NetworkPolicy(pair).Spec.Ingress {
		if len(rule.From) == 0 {
			t.Errorf("anybody may reach %v", rule.Ports)
		}
	}
}
