//go:build e2e

package e2e

import (
	"context"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
)

// conditionOf returns a condition as status/reason, for readable messages.
func conditionOf(pair *hapairv1alpha1.HAPair, name string) string {
	c := meta.FindStatusCondition(pair.Status.Conditions, name)
	if c == nil {
		return "not set"
	}
	return string(c.Status) + "/" + c.Reason
}

// eventuallyCondition waits until a condition of a pair has a status and reason, and returns its message.
func eventuallyCondition(ctx context.Context, key client.ObjectKey, name, want string) string {
	var message string
	EventuallyWithOffset(1, func(ctx context.Context) string {
		pair := &hapairv1alpha1.HAPair{}
		if err := k8s.Get(ctx, key, pair); err != nil {
			return err.Error()
		}
		if c := meta.FindStatusCondition(pair.Status.Conditions, name); c != nil {
			message = c.Message
		}
		return conditionOf(pair, name)
	}).WithContext(ctx).Should(Equal(want))
	return message
}
