// Package schema validates the values of classes against JSON schemas. Those of built-in classes are published in
// api/local/v1/openapi.yaml; a third party describes its own classes for the conformance kit. The server of the sidecar
// and the kit call it. It does no I/O.
//
//	classes.go  which schema an entry has, by its class and its key
//	parse.go    schemas as they are written
//	check.go    values against a schema
//
// It has the keywords of the published schemas: type, properties, required, items, minimum, format, $ref and allOf.
// A schema with another keyword is refused, since its values would be validated only in part. Fields without a schema
// are allowed, because a later release may have more of them.
package schema
