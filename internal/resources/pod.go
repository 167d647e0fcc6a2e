package resources

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
)

const (
	// annotationNetworks lists the networks of a pod. Multus and other plugins read it, as the Network Plumbing Working
	// Group specifies.
	annotationNetworks = "k8s.v1.cni.cncf.io/networks"

	// terminationGracePeriodSeconds bounds how long a deleted unit may take to hand over its role.
	terminationGracePeriodSeconds = 30
)

// Images are the images of the units' containers.
type Images struct {
	Sidecar string
	// Firewall is the image of pairs without spec.firewall.image.
	Firewall string
	// VPN is the image with the IKE daemon; empty if pairs cannot have one.
	VPN string
	// Routing is the image with the routing daemons; empty if pairs cannot have them.
	Routing string
}

// Pod returns the pod of one unit. No part of it can change while the pod runs. AnnotationTemplateHash covers the whole
// pod, and the settings that the sidecar reads only at its start.
func Pod(
	pair *v1alpha1.HAPair, unit v1alpha1.Unit, images Images, settings contract.Settings,
) (*corev1ac.PodApplyConfiguration, error) {
	networks, err := networksAnnotation(pair)
	if err != nil {
		return nil, err
	}
	spec, err := podSpec(pair, unit, images)
	if err != nil {
		return nil, err
	}
	name := UnitName(pair.Name, unit)
	metadata := pair.Spec.Units.Metadata
	pod := corev1ac.Pod(name, pair.Namespace).
		WithLabels(metadata.Labels). // first, since later labels overwrite earlier ones
		WithLabels(Labels(pair.Name)).
		WithLabels(map[string]string{v1alpha1.LabelUnit: string(unit)}).
		WithAnnotations(withoutAttachments(metadata.Annotations)).
		WithAnnotations(map[string]string{annotationNetworks: networks}).
		WithSpec(spec)
	hash, err := templateHash(pod, settings)
	if err != nil {
		return nil, err
	}
	return pod.
		WithAnnotations(map[string]string{v1alpha1.AnnotationTemplateHash: hash}).
		WithOwnerReferences(owner(pair)), nil
}

func podSpec(pair *v1alpha1.HAPair, unit v1alpha1.Unit, images Images) (*corev1ac.PodSpecApplyConfiguration, error) {
	units := pair.Spec.Units
	firewall, err := firewallContainer(cmp.Or(pair.Spec.Firewall.Image, images.Firewall), units.Firewall)
	if err != nil {
		return nil, err
	}
	sidecar, err := sidecarContainer(images.Sidecar, unit, units.Sidecar)
	if err != nil {
		return nil, err
	}
	firewall.WithVolumeMounts(socketMount(contract.ProviderFirewall))
	sidecar.WithVolumeMounts(socketMounts(pair)...)
	providers, err := providerContainers(pair.Spec.Providers)
	if err != nil {
		return nil, err
	}
	spec := corev1ac.PodSpec().
		WithHostname(UnitName(pair.Name, unit)).
		WithServiceAccountName(UnitName(pair.Name, unit)).
		WithAutomountServiceAccountToken(false). // only the sidecar mounts a token.
		WithEnableServiceLinks(false).
		WithRestartPolicy(corev1.RestartPolicyAlways).
		WithTerminationGracePeriodSeconds(terminationGracePeriodSeconds).
		WithContainers(firewall, sidecar).
		WithContainers(providers...).
		WithVolumes(volumes(pair, unit)...).
		WithVolumes(providerVolumes(pair)...)
	if pair.Spec.VPN != nil {
		vpn, err := vpnContainer(images.VPN, pair)
		if err != nil {
			return nil, err
		}
		spec.WithContainers(vpn).WithVolumes(vpnVolumes(pair)...)
	}
	if pair.Spec.DynamicRouting != nil {
		routing, err := routingContainer(images.Routing, pair)
		if err != nil {
			return nil, err
		}
		spec.WithContainers(routing).WithVolumes(routingVolumes(pair)...)
	}
	if hasIPv6(pair) {
		sysctl, err := sysctlContainer(images.Sidecar, units.Sidecar)
		if err != nil {
			return nil, err
		}
		spec.WithInitContainers(sysctl)
	}
	if units.RuntimeClassName != "" {
		spec.WithRuntimeClassName(units.RuntimeClassName)
	}
	for _, secret := range units.ImagePullSecrets {
		spec.WithImagePullSecrets(corev1ac.LocalObjectReference().WithName(secret.Name))
	}
	return spec, schedule(spec, pair)
}

// withoutAttachments returns the annotations that attach no network. The API refuses those that do, but a pair of an
// earlier release may still have them.
func withoutAttachments(annotations map[string]string) map[string]string {
	kept := maps.Clone(annotations)
	maps.DeleteFunc(kept, func(name, _ string) bool {
		return strings.HasPrefix(name, "k8s.v1.cni.cncf.io/") || strings.HasPrefix(name, "v1.multus-cni.io/")
	})
	return kept
}

// networksAnnotation returns the annotation that requests one interface for each network, with the name of the network.
func networksAnnotation(pair *v1alpha1.HAPair) (string, error) {
	type attachment struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
		Interface string `json:"interface"`
	}
	attachments := []attachment{}
	for i, network := range pair.Spec.Networks {
		multus := network.Attachment.Multus
		if multus == nil {
			return "", fmt.Errorf("spec.networks[%d].attachment.multus must be set: there is no other kind", i)
		}
		attachments = append(attachments, attachment{
			Name: multus.Name, Namespace: cmp.Or(multus.Namespace, pair.Namespace), Interface: network.Name,
		})
	}
	encoded, err := json.Marshal(attachments)
	if err != nil {
		return "", fmt.Errorf("encoding the attachments of the pod: %w", err)
	}
	return string(encoded), nil
}

func hasIPv6(pair *v1alpha1.HAPair) bool {
	for _, network := range pair.Spec.Networks {
		for _, text := range network.VirtualAddresses {
			if address, err := netip.ParsePrefix(text); err == nil && address.Addr().Is6() {
				return true
			}
		}
	}
	return false
}
