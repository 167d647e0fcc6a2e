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

// unusedRights are rights of the operator that the tests need not use, each with its purpose.
var unusedRights = map[string]string{
	"update hapairs/finalizers.hapair.io":               "required if the cluster protects owner references",
	"create endpointslices/restricted.discovery.k8s.io": "required on OpenShift",
	"get haunits/status.hapair.io":                      "granted to units",
	"patch haunits/status.hapair.io":                    "granted to units",
	"get hapairs/status.hapair.io":                      "goes with patch",
	"get firewallconfigurations/status.hapair.io":       "goes with patch",
	"get syncpolicies/status.hapair.io":                 "goes with patch",
	"get syncpolicies.hapair.io":                        "goes with watch, for a read past the cache",
	"patch events.events.k8s.io":                        "an Event that happens again is counted after some minutes",
}

// The suite runs with the operator's own role, so a missing right fails a test. This check finds rights in excess.
var _ = ReportAfterSuite("The rights of the operator", func(report Report) {
	focused := len(report.SuiteConfig.FocusStrings)+len(report.SuiteConfig.SkipStrings)+
		len(report.SuiteConfig.FocusFiles)+len(report.SuiteConfig.SkipFiles) > 0 || report.SuiteConfig.LabelFilter != ""
	if focused || !report.SuiteSucceeded {
		return // Some tests that use rights did not run.
	}
	content, err := os.ReadFile("../../config/rbac/role.yaml")
	Expect(err).NotTo(HaveOccurred())
	role := &rbacv1.ClusterRole{}
	Expect(yaml.UnmarshalStrict(content, role)).To(Succeed())
	used := map[string]bool{}
	for r := range requests.rights() {
		used[r.String()] = true
	}
	var unused []string
	for _, r := range rightsOf(role) {
		if _, excepted := unusedRights[r]; !excepted && !used[r] && !isListOfWatched(r, used) {
			unused = append(unused, r)
		}
	}
	Expect(unused).To(BeEmpty(), "rights that nothing uses")
})

// isListOfWatched reports whether a right is to list objects that are watched. A cache lists only if the API server
// does not send all objects at the start of a watch.
func isListOfWatched(r string, used map[string]bool) bool {
	resource, list := strings.CutPrefix(r, "list ")
	return list && used["watch "+resource]
}

// String returns the verb and the resource, as in `get pods`.
func (r right) String() string {
	return r.verb + " " + strings.TrimSuffix(r.resource+"."+r.group, ".")
}

// rightsOf returns the single rights of a role.
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
