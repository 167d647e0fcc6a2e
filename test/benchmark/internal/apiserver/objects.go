package apiserver

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/resources"
	"github.com/hapair-io/hapair/test/poll"
)

// InstallCRDs creates the CRDs of those resources, as in "haunits", from a checkout, and waits until the server serves
// them.
func (s *Server) InstallCRDs(ctx context.Context, checkout string, plurals ...string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	rest := s.Admin.Discovery().RESTClient()
	for _, plural := range plurals {
		text, err := os.ReadFile(filepath.Join(checkout, "config/crd", v1alpha1.SchemeGroupVersion.Group+"_"+plural+".yaml"))
		if err != nil {
			return fmt.Errorf("reading a CRD: %w", err)
		}
		body, err := yaml.YAMLToJSON(text)
		if err != nil {
			return fmt.Errorf("decoding the CRD of %s: %w", plural, err)
		}
		if err := rest.Post().AbsPath("/apis/apiextensions.k8s.io/v1/customresourcedefinitions").
			SetHeader("Content-Type", "application/json").Body(body).Do(ctx).Error(); err != nil {
			return fmt.Errorf("creating the CRD of %s: %w", plural, err)
		}
	}
	for _, plural := range plurals {
		if err := poll.Until(ctx, 100*time.Millisecond, "the API server to serve "+plural,
			func(ctx context.Context) error {
				return rest.Get().AbsPath(groupPath(), plural).Do(ctx).Error()
			}); err != nil {
			return err
		}
	}
	return nil
}

// ApplyHAUnit creates the object in which a unit reports, as the operator would.
func (s *Server) ApplyHAUnit(ctx context.Context, pair *v1alpha1.HAPair, unit v1alpha1.Unit) error {
	body, err := json.Marshal(resources.HAUnit(pair, unit))
	if err != nil {
		return err
	}
	if err := s.Admin.Discovery().RESTClient().Patch(types.ApplyPatchType).
		AbsPath(unitPath(pair, unit)...).Param("fieldManager", "benchmark").Body(body).Do(ctx).Error(); err != nil {
		return fmt.Errorf("applying the HAUnit of %s: %w", unit, err)
	}
	return nil
}

// UnitStatus returns what a unit reported last.
func (s *Server) UnitStatus(
	ctx context.Context, pair *v1alpha1.HAPair, unit v1alpha1.Unit,
) (v1alpha1.HAUnitStatus, error) {
	text, err := s.Admin.Discovery().RESTClient().Get().AbsPath(unitPath(pair, unit)...).Do(ctx).Raw()
	if err != nil {
		return v1alpha1.HAUnitStatus{}, fmt.Errorf("reading the HAUnit of %s: %w", unit, err)
	}
	object := v1alpha1.HAUnit{}
	if err := json.Unmarshal(text, &object); err != nil {
		return v1alpha1.HAUnitStatus{}, fmt.Errorf("decoding the HAUnit of %s: %w", unit, err)
	}
	return object.Status, nil
}

func groupPath() string { return "/apis/" + v1alpha1.SchemeGroupVersion.String() }

func unitPath(pair *v1alpha1.HAPair, unit v1alpha1.Unit) []string {
	return []string{groupPath(), "namespaces", pair.Namespace, "haunits", resources.UnitName(pair.Name, unit)}
}
