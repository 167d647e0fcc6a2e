//go:build apiserver

package hapair_test

import (
	"os"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

// granted are the rights that the operator has and the specs make no use of, each with what it is there for.
var granted = map[string]string{
	"update hapairs/finalizers.hapair.io":               "asked for where owner references are guarded",
	"create endpointslices/restricted.discovery.k8s.io": "asked for on OpenShift",
	"get pods/status":                   "granted to units",
	"patch pods/status":                 "granted to units",
	"get hapairs/status.hapair.io":      "goes with patch",
	"get syncpolicies/status.hapair.io": "goes with patch",
	"patch events.events.k8s.io":        "an Event that happens again is counted after some minutes",
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
	var unused, needless []string
	for _, r := range rightsOf(role) {
		_, excepted := granted[r]
		switch {
		case used[r] && excepted:
			needless = append(needless, r)
		case !used[r] && !excepted:
			unused = append(unused, r)
		}
	}
	Expect(unused).To(BeEmpty(), "rights that nothing makes use of")
	Expect(needless).To(BeEmpty(), "rights that are used after all, and need no exception")
})

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
