package hapair

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// exceeded matches the refusal of the admission plugin ResourceQuota. It lists only the resources that are exceeded.
var exceeded = regexp.MustCompile(`exceeded quota: \S+, requested: (\S+), used: (\S+), limited: (\S+)`)

// fitsWithout reports whether a refusal is that of a quota which admits the refused pod once another pod is deleted. A
// dry run charges no quota, but it checks the quota with both pods.
func fitsWithout(refused string, deleted *corev1.Pod) bool {
	found := exceeded.FindStringSubmatch(refused)
	if found == nil {
		return false
	}
	requested, used, limited := quantities(found[1]), quantities(found[2]), quantities(found[3])
	if len(requested) == 0 {
		return false
	}
	freed := chargeOf(deleted)
	for name, total := range requested {
		inUse, known := used[name]
		limit, limits := limited[name]
		if !known || !limits {
			return false
		}
		total.Add(inUse)
		total.Sub(freed[name])
		if total.Cmp(limit) > 0 {
			return false
		}
	}
	return true
}

// quantities parses a list as in "pods=2,requests.cpu=100m". It returns nothing for a list of another form.
func quantities(list string) map[string]resource.Quantity {
	all := map[string]resource.Quantity{}
	for entry := range strings.SplitSeq(list, ",") {
		name, text, _ := strings.Cut(entry, "=")
		quantity, err := resource.ParseQuantity(text)
		if err != nil {
			return nil
		}
		all[name] = quantity
	}
	return all
}

// chargeOf returns what a pod costs of a quota, by the names that quotas have for it.
func chargeOf(pod *corev1.Pod) map[string]resource.Quantity {
	one := *resource.NewQuantity(1, resource.DecimalSI)
	charge := map[string]resource.Quantity{"pods": one, "count/pods": one}
	requests := total(pod, func(r corev1.ResourceRequirements) corev1.ResourceList { return r.Requests })
	for name, quantity := range requests {
		charge["requests."+string(name)] = quantity
		charge[string(name)] = quantity // "cpu" is short for "requests.cpu"
	}
	limits := total(pod, func(r corev1.ResourceRequirements) corev1.ResourceList { return r.Limits })
	for name, quantity := range limits {
		charge["limits."+string(name)] = quantity
	}
	return charge
}

// total returns the sum over the containers of a pod, or what its largest init container has if that is more.
func total(pod *corev1.Pod, of func(corev1.ResourceRequirements) corev1.ResourceList) corev1.ResourceList {
	sum := corev1.ResourceList{}
	add := func(list corev1.ResourceList) {
		for name, quantity := range list {
			so := sum[name]
			so.Add(quantity)
			sum[name] = so
		}
	}
	for i := range pod.Spec.Containers {
		add(of(pod.Spec.Containers[i].Resources))
	}
	for i := range pod.Spec.InitContainers {
		for name, quantity := range of(pod.Spec.InitContainers[i].Resources) {
			if present := sum[name]; quantity.Cmp(present) > 0 {
				sum[name] = quantity
			}
		}
	}
	// The overhead of a RuntimeClass is charged for resources that the containers have.
	for _, name := range slices.Collect(maps.Keys(sum)) {
		if overhead, ok := pod.Spec.Overhead[name]; ok {
			so := sum[name]
			so.Add(overhead)
			sum[name] = so
		}
	}
	return sum
}
