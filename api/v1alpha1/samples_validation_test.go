//go:build apiserver

package v1alpha1_test

import (
	"os"
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
