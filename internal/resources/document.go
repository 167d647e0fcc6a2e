package resources

import (
	"encoding/json"
	"fmt"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/firewall/document"
)

// FirewallDocument returns the validated document of a configuration. If fields are invalid, the error is a
// *document.Problems. It does not check the document against the networks of a pair.
func FirewallDocument(configuration *v1alpha1.FirewallConfiguration) (document.Document, error) {
	text, err := json.Marshal(struct {
		APIVersion string                              `json:"apiVersion"`
		Kind       string                              `json:"kind"`
		Spec       *v1alpha1.FirewallConfigurationSpec `json:"spec"`
	}{document.APIVersion, document.Kind, &configuration.Spec})
	if err != nil {
		return document.Document{}, fmt.Errorf("encoding the configuration: %w", err)
	}
	return document.Parse(text)
}
