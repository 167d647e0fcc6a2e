package hapair

import (
	"context"
	"fmt"
	"testing"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// changed is an API server that knows the pair with another generation, and is asked for nothing else.
type changed struct {
	client.Reader
	generation int64
	asked      []string
}

func (c *changed) Get(_ context.Context, _ client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	c.asked = append(c.asked, fmt.Sprintf("%T", object))
	object.SetGeneration(c.generation)
	return nil
}

// A pair that was paused a moment ago, which the cache does not show yet, keeps its pods: there is no way back.
func TestReplaceAsksForTheSpecFirst(t *testing.T) {
	live := &changed{generation: 8}
	r := &Reconciler{Live: live} // has nothing to delete with
	s := newScope(&v1alpha1.HAPair{ObjectMeta: metav1.ObjectMeta{Generation: 7}}, logr.Discard())
	s.decisions = decisions{v1alpha1.Secondary: {actionReplace, "It is outdated"}}
	if err := r.replace(t.Context(), s, v1alpha1.Secondary, nil, intent{}); err != nil {
		t.Fatal(err)
	}
	if made := s.decisions[v1alpha1.Secondary]; made.action != actionWait {
		t.Errorf("decided %+v, want to wait", made)
	}
	if got := fmt.Sprint(live.asked); got != "[*v1alpha1.HAPair]" {
		t.Errorf("asked for %s", got)
	}
}
