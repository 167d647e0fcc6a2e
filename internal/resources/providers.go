package resources

import (
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
)

// ProviderContainerName returns the name of the container of a provider, and of the volume that has its socket. The
// firewall's container has a name of its own.
func ProviderContainerName(provider string) string { return "provider-" + provider }

// providerSettings returns what the sidecars need to know of the providers. Lists are sorted, since their order means
// nothing and a change of the settings replaces units.
func providerSettings(providers []v1alpha1.ProviderSpec) []contract.Provider {
	var settings []contract.Provider
	for _, p := range providers {
		settings = append(settings, contract.Provider{
			Name: p.Name, UID: p.RunAsUser, Writes: sortedNames(p.Writes), Reads: sortedNames(p.Reads),
			AddressObjects: sortedNames(p.AddressObjects), Quotas: providerQuotas(p.Quotas),
		})
	}
	return settings
}

// providerQuotas returns the quotas, sorted by class.
func providerQuotas(wanted []v1alpha1.ProviderQuota) []contract.ProviderQuota {
	var quotas []contract.ProviderQuota
	for _, q := range wanted {
		quotas = append(quotas, contract.ProviderQuota{
			Class: string(q.Class), Entries: int(q.Entries), Mebibytes: int(q.Mebibytes),
		})
	}
	slices.SortFunc(quotas, func(a, b contract.ProviderQuota) int { return strings.Compare(a.Class, b.Class) })
	return quotas
}

// sortedNames returns names as plain strings, sorted.
func sortedNames[T ~string](all []T) []string {
	var names []string
	for _, name := range all {
		names = append(names, string(name))
	}
	slices.Sort(names)
	return names
}

// providerContainers returns the containers of the providers.
func providerContainers(providers []v1alpha1.ProviderSpec) ([]*corev1ac.ContainerApplyConfiguration, error) {
	var containers []*corev1ac.ContainerApplyConfiguration
	for _, p := range providers {
		container := corev1ac.Container().
			WithName(ProviderContainerName(p.Name)).
			WithImage(p.Image).
			WithImagePullPolicy(corev1.PullIfNotPresent).
			WithCommand(p.Command...).
			WithArgs(p.Args...).
			// First, so that the values of later variables can refer to it.
			WithEnv(corev1ac.EnvVar().WithName(contract.EnvironmentSocket).WithValue(contract.ProviderSocket)).
			WithEnv(variables(p.Env)...).
			WithSecurityContext(providerSecurity(p)).
			WithTerminationMessagePolicy(corev1.TerminationMessageFallbackToLogsOnError).
			WithVolumeMounts(socketMount(p.Name), mount(scratchVolume(p.Name), scratchDirectory))
		if r := p.Resources; len(r.Requests) > 0 || len(r.Limits) > 0 || len(r.Claims) > 0 {
			resources, err := convert[corev1ac.ResourceRequirementsApplyConfiguration](r)
			if err != nil {
				return nil, err
			}
			container.WithResources(resources)
		}
		containers = append(containers, container)
	}
	return containers, nil
}

// providerSecurity returns the restrictions of a provider. A process that is not root gets a capability only from the
// file of its program, and the kernel honours that only if privilege escalation is allowed. The list of capabilities
// bounds what it can get in any way.
func providerSecurity(p v1alpha1.ProviderSpec) *corev1ac.SecurityContextApplyConfiguration {
	var capabilities []corev1.Capability
	for _, c := range p.Capabilities {
		capabilities = append(capabilities, corev1.Capability(c))
	}
	return confined(capabilities...).
		WithRunAsUser(p.RunAsUser).
		WithRunAsGroup(p.RunAsUser).
		WithRunAsNonRoot(true).
		WithAllowPrivilegeEscalation(len(capabilities) > 0)
}

func variables(wanted []v1alpha1.ProviderVariable) []*corev1ac.EnvVarApplyConfiguration {
	var variables []*corev1ac.EnvVarApplyConfiguration
	for _, v := range wanted {
		variables = append(variables, corev1ac.EnvVar().WithName(v.Name).WithValue(v.Value))
	}
	return variables
}

// socketMount returns the mount of a provider's own socket. It is read-only, so that the provider cannot replace the
// socket. The kernel lets it connect nevertheless.
func socketMount(provider string) *corev1ac.VolumeMountApplyConfiguration {
	return mount(ProviderContainerName(provider), path.Dir(contract.ProviderSocket)).WithReadOnly(true)
}

// socketMounts returns the mounts of the sidecar: the directory of each socket.
func socketMounts(pair *v1alpha1.HAPair) []*corev1ac.VolumeMountApplyConfiguration {
	var mounts []*corev1ac.VolumeMountApplyConfiguration
	for _, name := range socketNames(pair) {
		mounts = append(mounts, mount(ProviderContainerName(name), path.Dir(contract.ProviderSocketInSidecar(name))))
	}
	return mounts
}

// providerVolumes returns one volume for each socket, and one for the files of each provider.
func providerVolumes(pair *v1alpha1.HAPair) []*corev1ac.VolumeApplyConfiguration {
	var volumes []*corev1ac.VolumeApplyConfiguration
	for _, name := range socketNames(pair) {
		volumes = append(volumes, inMemory(ProviderContainerName(name), 2*pageBytes))
	}
	for _, p := range pair.Spec.Providers {
		volumes = append(volumes, inMemory(scratchVolume(p.Name), scratchBytes))
	}
	return volumes
}

// A provider can write files in scratchDirectory only, and they end with the pod.
const (
	scratchDirectory = "/tmp"
	scratchBytes     = 16 << 20
)

func scratchVolume(provider string) string { return ProviderContainerName(provider) + "-tmp" }

// socketNames returns the names of those that have a socket: the firewall, the IKE daemon, the routing daemons
// and the providers.
func socketNames(pair *v1alpha1.HAPair) []string {
	names := []string{contract.ProviderFirewall}
	if pair.Spec.VPN != nil {
		names = append(names, contract.ProviderVPN)
	}
	if pair.Spec.DynamicRouting != nil {
		names = append(names, contract.ProviderRouting)
	}
	for _, p := range pair.Spec.Providers {
		names = append(names, p.Name)
	}
	return names
}
