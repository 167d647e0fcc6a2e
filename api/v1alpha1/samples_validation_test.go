//go:build apiserver

package v1alpha1_test

import (
	"os"
	"regexp"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var _ = DescribeTable("The samples are accepted as they are",
	func(ctx SpecContext, file string) {
		text, err := os.ReadFile("../../config/samples/" + file)
		Expect(err).NotTo(HaveOccurred())
		strict := client.WithFieldValidation(trial, metav1.FieldValidationStrict)
		Expect(strict.Create(ctx, parse(string(text)))).To(Succeed())
	},
	Entry("HAPair", "hapair.yaml"),
	Entry("SyncPolicy", "syncpolicy.yaml"),
)

var _ = It("accepts the examples of the documentation as they are", func(ctx SpecContext) {
	text, err := os.ReadFile("../../docs/failover.md")
	Expect(err).NotTo(HaveOccurred())
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	Expect(examples).To(HaveLen(1))
	strict := client.WithFieldValidation(trial, metav1.FieldValidationStrict)
	Expect(strict.Create(ctx, parse(examples[0][1]))).To(Succeed())
})
