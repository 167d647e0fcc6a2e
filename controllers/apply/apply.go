package apply

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// FieldOwner owns every field that the operator applies.
const FieldOwner = client.FieldOwner("hapair.io/manager")

// Convert returns the apply configuration C that has the same JSON as a value of the API. So a field that the value
// leaves out is not applied, and the API server removes it. Convert fails if C does not have a field of the value.
func Convert[C any](value any) (*C, error) {
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encoding %T: %w", value, err)
	}
	configuration := new(C)
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(configuration); err != nil {
		return nil, fmt.Errorf("converting %T to an apply configuration: %w", value, err)
	}
	return configuration, nil
}
