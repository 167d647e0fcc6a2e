package sidecar

import (
	"context"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
)

// unitFieldManager owns the status of an HAUnit.
const unitFieldManager = "hapair.io/unit"

// UnitClient is the unit's HAUnit at the API server.
type UnitClient struct {
	client          rest.Interface
	namespace, name string
}

// NewUnitClient returns a client for one HAUnit.
func NewUnitClient(client kubernetes.Interface, namespace, name string) *UnitClient {
	// The path of a request is absolute, so a client of any group serves.
	return &UnitClient{client: client.CoreV1().RESTClient(), namespace: namespace, name: name}
}

// Read returns the status of the HAUnit.
func (c *UnitClient) Read(ctx context.Context) (contract.UnitStatus, error) {
	text, err := c.client.Get().AbsPath(c.path()...).Do(ctx).Raw()
	if err != nil {
		return contract.UnitStatus{}, err
	}
	var unit struct{ Status json.RawMessage }
	if err := json.Unmarshal(text, &unit); err != nil {
		return contract.UnitStatus{}, fmt.Errorf("decoding HAUnit %s/%s: %w", c.namespace, c.name, err)
	}
	if len(unit.Status) == 0 {
		return contract.UnitStatus{}, nil
	}
	// A status that this release cannot read is worth less than a unit that reports: the next write replaces it.
	status, err := contract.ParseUnitStatus(unit.Status)
	if err != nil {
		return contract.UnitStatus{}, nil
	}
	return status, nil
}

// Write replaces the status of the HAUnit by server-side apply. The unit owns all of it, so a field that it leaves out
// is removed.
func (c *UnitClient) Write(ctx context.Context, status contract.UnitStatus) error {
	body, err := json.Marshal(map[string]any{
		"apiVersion": v1alpha1.SchemeGroupVersion.String(),
		"kind":       "HAUnit",
		"metadata":   map[string]string{"name": c.name, "namespace": c.namespace},
		"status":     status,
	})
	if err != nil {
		return err
	}
	return c.client.Patch(types.ApplyPatchType).AbsPath(c.path()...).
		Param("fieldManager", unitFieldManager).Param("force", "true").
		Body(body).Do(ctx).Error()
}

// path returns the path of the status, which is all that the unit may read and write.
func (c *UnitClient) path() []string {
	return []string{
		"apis", v1alpha1.SchemeGroupVersion.Group, v1alpha1.SchemeGroupVersion.Version,
		"namespaces", c.namespace, "haunits", c.name, "status",
	}
}
