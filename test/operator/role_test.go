//go:build apiserver

package operator

import (
	"os"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

// granted are the rights that the operator has and the specs need make no use of, each with what it is there for.
var granted = map[string]string{
	"update hapairs/finalizers.hapair.io":               "asked for where owner references are guarded",
	"create endpointslices/restricted.discovery.k8s.io": "asked for on OpenShift",
	"get haunits/status.hapair.io":                      "granted to units",
	"patch haunits/status.hapair.io":                    "granted to units",
	"get hapairs/status.hapair.io":                      "goes with patch",
	"get firewallconfigurations/status.hapair.io":       "goes with patch",
	"get syncpolicies/status.hapair.io":                 "goes with patch",
	"get syncpolicies.hapair.io":                        "goes with watch, for a read past the cache",
	"patch events.events.k8s.io":                        "an Event that happens again is counted after some minutes",
}

// The whole suite runs with the operator's own role: what it lacks fails some spec. What it has in excess is seen here.
var _ = ReportAfterSuite("The rights of the operator", func(report Report) {
	focused := len(report.SuiteConfig.FocusStrings)+len(report.SuiteConfig.SkipStrings)+
		len(report.SuiteConfig.FocusFiles)+len(report.SuiteConfig.SkipFiles) > 0 || report.SuiteConfig.LabelFilter != ""
	if focused || !report.SuiteSucceeded {
		return // Not everything was done that needs a right.
	}
	content, err := os.ReadFile("../../config/rbac/role.yaml")
	Expect(err).NotTo(HaveOccurred())
	role := &rbacv1.ClusterRole{}
	Expect(yaml.UnmarshalStrict(content, role)).To(Succeed())
	used := map[string]bool{}
	for r := range asked.rights() {
		used[r.String()] = true
	}
	var unused []string
	for _, r := range rightsOf(role) {
		if _, excepted := granted[r]; !excepted && !used[r] && !listed(r, used) {
			unused = append(unused, r)
		}
	}
	Expect(unused).To(BeEmpty(), "rights that nothing makes use of")
})

// listed tells whether a right is to list what is watched: a cache lists only where the API server cannot, or does not
// care to, send all that there is at the beginning of a watch.
func listed(r string, used map[string]bool) bool {
	resource, list := strings.CutPrefix(r, "list ")
	return list && used["watch "+resource]
}

// String is as one says it, as in `get pods`.
func (r right) String() string {
	return r.verb + " " + strings.TrimSuffix(r.resource+"."+r.group, ".")
}

// rightsOf takes the rules of a role apart.
func rightsOf(role *rbacv1.ClusterRole) []string {
	var rights []string
	for _, rule := range role.Rules {
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					rights = append(rights, right{verb, group, resource}.String())
				}
			}
		}
	}
	slices.Sort(rights)
	return slices.Compact(rights)
}
