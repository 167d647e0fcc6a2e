package resources

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
)

const (
	// annotationNetworks is read by Multus and whatever else attaches networks as the Network Plumbing Working Group's
	// specification has it.
	annotationNetworks = "k8s.v1.cni.cncf.io/networks"

	// terminationGracePeriodSeconds bounds how long a unit that is being deleted may take to hand its role over.
	terminationGracePeriodSeconds = 30
)

// Images are the images of the units' containers.
type Images struct {
	Sidecar string
	// Firewall is for pairs that name none.
	Firewall string
}

// Pod is one unit. Everything in it is fixed for the pod's life, and AnnotationTemplateHash stands for all of it and
// for those of the settings that the sidecar reads only when it starts.
func Pod(
	pair *v1alpha1.HAPair, unit v1alpha1.Unit, images Images, told contract.Settings,
) (*corev1ac.PodApplyConfiguration, error) {
	networks, err := networksAnnotation(pair)
	if err != nil {
		return nil, err
	}
	name := UnitName(pair.Name, unit)
	pod := corev1ac.Pod(name, pair.Namespace).
		WithLabels(Labels(pair.Name)).
		WithLabels(map[string]string{v1alpha1.LabelUnit: string(unit)}).
		WithAnnotations(map[string]string{annotationNetworks: networks}).
		WithSpec(podSpec(pair, unit, images))
	hash, err := templateHash(pod, told)
	if err != nil {
		return nil, err
	}
	return pod.
		WithAnnotations(map[string]string{v1alpha1.AnnotationTemplateHash: hash}).
		WithOwnerReferences(owner(pair)), nil
}

func podSpec(pair *v1alpha1.HAPair, unit v1alpha1.Unit, images Images) *corev1ac.PodSpecApplyConfiguration {
	scheduling := pair.Spec.Firewall.Scheduling
	spec := corev1ac.PodSpec().
		WithHostname(UnitName(pair.Name, unit)).
		WithServiceAccountName(UnitName(pair.Name, unit)).
		WithAutomountServiceAccountToken(true).
		WithEnableServiceLinks(false).
		WithRestartPolicy(corev1.RestartPolicyAlways).
		WithTerminationGracePeriodSeconds(terminationGracePeriodSeconds).
		WithAffinity(corev1ac.Affinity().WithPodAntiAffinity(apart(pair))).
		WithContainers(
			firewallContainer(cmp.Or(pair.Spec.Firewall.Image, images.Firewall), pair.Spec.Firewall.Resources),
			sidecarContainer(images.Sidecar, unit),
		).
		WithVolumes(volumes(pair, unit)...)
	if hasIPv6(pair) {
		spec.WithInitContainers(sysctlContainer(images.Sidecar))
	}
	if len(scheduling.NodeSelector) > 0 {
		spec.WithNodeSelector(scheduling.NodeSelector)
	}
	if scheduling.PriorityClassName != "" {
		spec.WithPriorityClassName(scheduling.PriorityClassName)
	}
	for _, toleration := range scheduling.Tolerations {
		spec.WithTolerations(tolerate(toleration))
	}
	return spec
}

// apart keeps the units on different nodes: a pair on one node dies with it.
func apart(pair *v1alpha1.HAPair) *corev1ac.PodAntiAffinityApplyConfiguration {
	peer := corev1ac.PodAffinityTerm().
		WithTopologyKey(corev1.LabelHostname).
		WithLabelSelector(metav1ac.LabelSelector().WithMatchLabels(map[string]string{v1alpha1.LabelPair: pair.Name}))
	if pair.Spec.Firewall.Scheduling.AllowSameNode {
		return corev1ac.PodAntiAffinity().WithPreferredDuringSchedulingIgnoredDuringExecution(
			corev1ac.WeightedPodAffinityTerm().WithWeight(100).WithPodAffinityTerm(peer))
	}
	return corev1ac.PodAntiAffinity().WithRequiredDuringSchedulingIgnoredDuringExecution(peer)
}

func tolerate(t corev1.Toleration) *corev1ac.TolerationApplyConfiguration {
	toleration := corev1ac.Toleration()
	if t.Key != "" {
		toleration.WithKey(t.Key)
	}
	if t.Operator != "" {
		toleration.WithOperator(t.Operator)
	}
	if t.Value != "" {
		toleration.WithValue(t.Value)
	}
	if t.Effect != "" {
		toleration.WithEffect(t.Effect)
	}
	if t.TolerationSeconds != nil {
		toleration.WithTolerationSeconds(*t.TolerationSeconds)
	}
	return toleration
}

// networksAnnotation asks for one interface for each network, with the network's name.
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
