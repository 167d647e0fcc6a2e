package resources

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// AllowAny in a list of Allowed admits everything.
const AllowAny = "*"

// Allowed is what the administrator of the cluster lets pairs refer to. The operator has rights that the author of a
// pair may not have, so a pair must not make it use them for what is not allowed.
type Allowed struct {
	// AttachmentNamespaces are the namespaces, besides that of the pair, whose attachments a pair may use.
	AttachmentNamespaces []string
	// VirtualAddresses are the prefixes that contain all virtual addresses; empty for any address.
	VirtualAddresses []netip.Prefix
	// Images are registries and repositories from which the images of firewalls and providers may come; empty for any
	// image.
	Images []string
}

// Check returns an error for each field of the pair that is not allowed.
func (a Allowed) Check(pair *v1alpha1.HAPair) []error {
	var errs []error
	for i, network := range pair.Spec.Networks {
		multus := network.Attachment.Multus
		if multus != nil && !a.AllowsAttachment(pair, *multus) {
			errs = append(errs, fmt.Errorf("spec.networks[%d].attachment.multus.namespace: pairs in namespace %s may not "+
				"use the attachments of namespace %s; use one of your own namespace, or ask the administrator of the operator "+
				"to allow it",
				i, pair.Namespace, multus.Namespace))
		}
		errs = append(errs, a.checkAddresses(i, network)...)
	}
	if image := pair.Spec.Firewall.Image; image != "" {
		errs = append(errs, a.checkImage("spec.firewall.image", image)...)
	}
	for i, provider := range pair.Spec.Providers {
		errs = append(errs, a.checkImage(fmt.Sprintf("spec.providers[%d].image", i), provider.Image)...)
	}
	return errs
}

func (a Allowed) checkImage(field, image string) []error {
	if a.allowsImage(image) {
		return nil
	}
	return []error{fmt.Errorf("%s: %s is not from an allowed registry; use an image from %s",
		field, image, strings.Join(a.Images, " or "))}
}

// CheckService returns an error for each virtual address that the Service would publish and that is not allowed.
// Without this check, the author of a pair could direct clients of the Service to any address.
func (a Allowed) CheckService(pair *v1alpha1.HAPair) []error {
	wanted := pair.Spec.Service
	if wanted.Target != v1alpha1.TargetVirtualAddress && wanted.Type != corev1.ServiceTypeLoadBalancer {
		return nil
	}
	var errs []error
	for i, network := range pair.Spec.Networks {
		if network.Name == wanted.Network {
			errs = append(errs, a.checkAddresses(i, network)...)
		}
	}
	return errs
}

// AllowsAttachment reports whether a pair may use a NetworkAttachmentDefinition.
func (a Allowed) AllowsAttachment(pair *v1alpha1.HAPair, of v1alpha1.MultusAttachment) bool {
	namespace := cmp.Or(of.Namespace, pair.Namespace)
	return namespace == pair.Namespace ||
		slices.Contains(a.AttachmentNamespaces, namespace) || slices.Contains(a.AttachmentNamespaces, AllowAny)
}

func (a Allowed) checkAddresses(network int, of v1alpha1.NetworkSpec) []error {
	var errs []error
	for i, text := range of.VirtualAddresses {
		// An address that cannot be parsed is refused elsewhere.
		if address, err := netip.ParsePrefix(text); err == nil && !a.allowsAddress(address.Addr()) {
			errs = append(errs, fmt.Errorf("spec.networks[%d].virtualAddresses[%d]: %s is not in an allowed prefix; choose an "+
				"address in %s", network, i, address.Addr(), joined(a.VirtualAddresses)))
		}
	}
	return errs
}

func (a Allowed) allowsAddress(address netip.Addr) bool {
	return len(a.VirtualAddresses) == 0 ||
		slices.ContainsFunc(a.VirtualAddresses, func(p netip.Prefix) bool { return p.Contains(address.Unmap()) })
}

func (a Allowed) allowsImage(image string) bool {
	if len(a.Images) == 0 {
		return true
	}
	return slices.ContainsFunc(a.Images, func(allowed string) bool {
		// Only whole parts of a name count: example.test/edge does not allow example.test/edge-other.
		rest, found := strings.CutPrefix(image, strings.TrimSuffix(allowed, "/"))
		return found && (rest == "" || strings.ContainsAny(rest[:1], "/:@"))
	})
}

func joined(prefixes []netip.Prefix) string {
	texts := make([]string, 0, len(prefixes))
	for _, prefix := range prefixes {
		texts = append(texts, prefix.String())
	}
	return strings.Join(texts, " or ")
}
