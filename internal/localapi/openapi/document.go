// Package openapi generates the OpenAPI description of the local provider API from the operations and Go types of
// package localapi. Only its test calls it, which compares the result with api/local/v1/openapi.yaml.
package openapi

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/localapi"
)

// object is a JSON object of the description.
type object = map[string]any

const about = "How a process in the pod of a unit publishes its state, and gets it back after a restart or on the " +
	"other unit. The server is the sidecar, at the unix socket " + contract.ProviderSocket + " of the process. Clients " +
	"must ignore fields, events and problems that they do not know. docs/providers.md explains the rules."

// source is the folder of the types of the API, from the root of the repository.
const source = "internal/localapi"

// Document returns the description in YAML. Descriptions of types and fields are the comments of the Go files. The
// repository is at root.
func Document(root string) ([]byte, error) {
	comments, err := parseComments(root + "/" + source)
	if err != nil {
		return nil, err
	}
	schemas := &schemas{comments: comments, all: object{}}
	problem, err := schemas.of(localapi.Problem{})
	if err != nil {
		return nil, err
	}
	paths := object{}
	for _, operation := range localapi.Operations() {
		described, err := describe(operation, schemas, problem)
		if err != nil {
			return nil, fmt.Errorf("operation %s: %w", operation.ID, err)
		}
		item, ok := paths[operation.Path].(object)
		if !ok {
			item = object{}
			paths[operation.Path] = item
		}
		item[strings.ToLower(operation.Method)] = described
	}
	classes, err := addValueTypes(root, schemas.all)
	if err != nil {
		return nil, err
	}
	return yaml.Marshal(object{
		"openapi":    "3.0.3",
		"info":       object{"title": "hapair local provider API", "version": "v1", "description": about},
		"servers":    []any{object{"url": "http://hapair", "description": "The host is ignored."}},
		"paths":      paths,
		"components": object{"schemas": schemas.all},
		// Which schema describes the values of a class, by the form of the key.
		"x-class-values": classes,
	})
}

// describe returns the description of an operation.
func describe(operation localapi.Operation, schemas *schemas, problem object) (object, error) {
	response, err := content(operation.Response, schemas)
	if err != nil {
		return nil, err
	}
	success := object{"description": http.StatusText(operation.Status)}
	if response != nil {
		success["content"] = response
	}
	responses := object{strconv.Itoa(operation.Status): success}
	for status, text := range problemsByStatus(operation.Problems) {
		responses[strconv.Itoa(status)] = object{
			"description": text, "content": object{localapi.ProblemJSON: object{"schema": problem}},
		}
	}
	described := object{
		"operationId": operation.ID, "summary": operation.Summary, "responses": responses,
		"parameters": parameters(operation),
	}
	body, err := content(operation.Request, schemas)
	if err != nil {
		return nil, err
	}
	if body != nil {
		described["requestBody"] = object{
			"required": true, "content": body, "description": fmt.Sprintf("At most %d bytes.", operation.Request.MaxBytes),
		}
	}
	return described, nil
}

// content returns the description of a body, or nil if there is no body.
func content(body localapi.Body, schemas *schemas) (object, error) {
	if body.Type == nil {
		return nil, nil
	}
	schema, err := schemas.of(body.Type)
	if err != nil {
		return nil, err
	}
	if body.MediaType == localapi.NDJSON {
		schema = object{"description": "Each line is one object.", "allOf": []any{schema}}
	}
	return object{body.MediaType: object{"schema": schema}}, nil
}

// problemsByStatus returns the types of problems for each HTTP status, as text.
func problemsByStatus(types []localapi.ProblemType) map[int]string {
	texts := map[int]string{}
	for _, t := range types {
		if texts[t.Status()] != "" {
			texts[t.Status()] += ", "
		}
		texts[t.Status()] += string(t)
	}
	return texts
}

var pathParameter = regexp.MustCompile(`{([a-z]+)}`)

// pathParameters returns the descriptions of the parts of paths.
func pathParameters() map[string]object {
	return map[string]object{
		"class": {
			"description": "Name of the class.",
			"schema":      object{"type": "string", "minLength": 1, "maxLength": 63},
		},
		"key": {
			"description": "Key of the entry, escaped: / is %2F.",
			"schema":      object{"type": "string", "minLength": 1, "maxLength": localapi.Bounds().KeyBytes},
		},
	}
}

func parameters(operation localapi.Operation) []any {
	all := []any{}
	for _, found := range pathParameter.FindAllStringSubmatch(operation.Path, -1) {
		described := object{"name": found[1], "in": "path", "required": true}
		for field, value := range pathParameters()[found[1]] {
			described[field] = value
		}
		all = append(all, described)
	}
	for _, parameter := range operation.Query {
		schema := object{"type": string(parameter.Type)}
		if parameter.Type != localapi.Boolean {
			schema["minimum"] = 0
		}
		all = append(all, object{
			"name": parameter.Name, "in": "query", "required": parameter.Required, "description": parameter.Summary,
			"schema": schema,
		})
	}
	return all
}
