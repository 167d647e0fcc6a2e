// Package v1 has the description of the local provider API, openapi.yaml. It is generated from the operations and types
// of package localapi. The sidecar embeds it, so that it validates values against the schemas that are published.
package v1

import _ "embed"

// Description is the OpenAPI description in YAML.
//
//go:embed openapi.yaml
var Description []byte
