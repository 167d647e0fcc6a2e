//go:build apiserver

package v1alpha1_test

import (
	"os"
	"regexp"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var _ = DescribeTable("The samples are accepted without a change",
	func(ctx SpecContext, file string) {
		text, err := os.ReadFile("../../config/samples/" + file)
		Expect(err).NotTo(HaveOccurred())
		strict := client.WithFieldValidation(trial, metav1.FieldValidationStrict)
		for object := range strings.SplitSeq(string(text), "\n---\n") {
			Expect(strict.Create(ctx, parse(object))).To(Succeed())
		}
	},
	Entry("FirewallConfiguration and HAPair", "hapair.yaml"),
	Entry("SyncPolicy", "syncpolicy.yaml"),
)

var _ = DescribeTable("The examples of the documentation are accepted without a change",
	func(ctx SpecContext, file string) {
		text, err := os.ReadFile("../../docs/" + file)
		Expect(err).NotTo(HaveOccurred())
		examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1)
		Expect(examples).To(HaveLen(1))
		example := parse(examples[0][1])
		example.SetNamespace(metav1.NamespaceDefault)
		strict := client.WithFieldValidation(trial, metav1.FieldValidationStrict)
		Expect(strict.Create(ctx, example)).To(Succeed())
	},
	Entry("HAPair", "failover.md"),
	Entry("FirewallConfiguration", "firewall.md"),
)
