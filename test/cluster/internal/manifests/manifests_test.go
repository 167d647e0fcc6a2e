package manifests

import (
	"testing"

	"github.com/hapair-io/hapair/test/cluster/internal/components"
)

func TestObjectsAreWhole(t *testing.T) {
	objects, err := parse(networks)
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		if object.GetKind() == "" || object.GetAPIVersion() == "" || object.GetName() == "" {
			t.Errorf("an object without kind, version or name: %v", object.Object)
		}
		subjects, _ := object.Object["subjects"].([]any)
		for _, subject := range subjects {
			if name := subject.(map[string]any)["name"]; name != components.NetworkUserName {
				t.Errorf("the rights belong to %v, but the plugin's name is %s", name, components.NetworkUserName)
			}
		}
	}
}
