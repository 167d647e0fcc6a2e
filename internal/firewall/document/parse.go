package document

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
)

// MaxBytes bounds a document; a ConfigMap holds no more either.
const MaxBytes = 1 << 20

var (
	errEmpty    = errors.New("the document is empty; it must at least have apiVersion, kind and zones")
	errTrailing = errors.New("there is more than one document; give one")
	errDepth    = fmt.Errorf("the document is nested more than %d deep; no field is", maxDepth)
)

// Parse reads a document in YAML or JSON and checks it in itself. The error is a *Problems when the text could be read
// as YAML or JSON at all: first all that does not fit the types, and when nothing is, all that does not make sense.
func Parse(data []byte) (Document, error) {
	if len(data) > MaxBytes {
		return Document{}, fmt.Errorf("the document has %d bytes, at most %d are allowed; join addresses into prefixes",
			len(data), MaxBytes)
	}
	root, err := read(data)
	if err != nil {
		return Document{}, err
	}
	var (
		d        Document
		problems Problems
	)
	decode(root, reflect.ValueOf(&d).Elem(), "", &problems)
	if err := problems.err(); err != nil {
		return Document{}, err
	}
	if err := d.Validate(nil); err != nil {
		return Document{}, err
	}
	return d, nil
}

// read takes what begins with a brace for JSON, except where it is YAML that happens to begin so.
func read(data []byte) (tree, error) {
	trimmed := bytes.TrimSpace(data)
	if len(trimmed) == 0 {
		return tree{}, errEmpty
	}
	if trimmed[0] == '{' {
		fromJSON, errJSON := readJSON(data)
		if errJSON == nil {
			return fromJSON, nil
		}
		if fromYAML, errYAML := readYAML(data); errYAML == nil {
			return fromYAML, nil
		}
		return tree{}, errJSON
	}
	return readYAML(data)
}
