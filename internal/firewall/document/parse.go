package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// MaxBytes bounds a document in its canonical form, in which it is stored. A ConfigMap holds no more.
const MaxBytes = 1 << 20

// MaxTextBytes bounds the text that Parse reads, which may have blanks and comments. An API server accepts no more.
const MaxTextBytes = 3 << 20

var (
	errEmpty    = errors.New("the document is empty; it must at least have apiVersion, kind and spec.zones")
	errTrailing = errors.New("there is more than one document; give one")
	errDepth    = fmt.Errorf("the document is nested more than %d deep; no field is", maxDepth)
)

// Parse reads a FirewallConfiguration in YAML or JSON and validates its spec. Metadata and status are ignored. The
// error is a *Problems if the text is YAML or JSON at all. It lists all values that do not fit their types. Without
// such values it lists all that contradict each other.
func Parse(data []byte) (Document, error) {
	if err := checkBytes(len(data)); err != nil {
		return Document{}, err
	}
	root, err := read(data)
	if err != nil {
		return Document{}, err
	}
	return parseTree(root)
}

// ParseManifests parses the one FirewallConfiguration among the objects of a YAML stream, as kubectl apply accepts it.
func ParseManifests(data []byte) (Document, error) {
	if err := checkBytes(len(data)); err != nil {
		return Document{}, err
	}
	nodes, err := readYAMLStream(data)
	if err != nil || len(nodes) < 2 {
		return Parse(data) // One object, or JSON; its errors are the more precise ones.
	}
	var found []tree
	for i := range nodes {
		if kindOf(&nodes[i]) != Kind {
			continue
		}
		root, err := treeOfYAML(&nodes[i], 0)
		if err != nil {
			return Document{}, err
		}
		found = append(found, root)
	}
	if len(found) != 1 {
		return Document{}, fmt.Errorf("there are %d objects of kind %s among %d; give exactly one",
			len(found), Kind, len(nodes))
	}
	return parseTree(found[0])
}

func parseTree(root tree) (Document, error) {
	var (
		o        object
		problems Problems
	)
	decode(root, reflect.ValueOf(&o).Elem(), "", &problems)
	checkType(o, &problems)
	if err := problems.err(); err != nil {
		return Document{}, err
	}
	// An error names the place in the text as it was given. But duplicates count against no bound.
	err := o.Spec.Validate(nil)
	o.Spec.removeDuplicates()
	if err != nil && o.Spec.Validate(nil) != nil {
		return Document{}, err
	}
	return o.Spec, o.Spec.checkStored()
}

// checkStored refuses a document that is too large in the form in which it is stored, whatever its text has.
func (d Document) checkStored() error {
	size := len(d.JSON())
	if size <= MaxBytes {
		return nil
	}
	at, most := d.largest()
	var problems Problems
	problems.add(at, "has %d bytes of the %d that the document has as it is stored, and at most %d are allowed; "+
		"join addresses into prefixes, or leave entries out", most, size, MaxBytes)
	return problems.err()
}

// largest returns the field of the document that has the most bytes, and how many.
func (d Document) largest() (at path, bytes int) {
	var stored struct {
		Spec map[string]json.RawMessage `json:"spec"`
	}
	_ = json.Unmarshal(d.JSON(), &stored) // It was just encoded.
	for name, text := range stored.Spec {
		if len(text) > bytes {
			at, bytes = spec.field(name), len(text)
		}
	}
	return at, bytes
}

// checkType reports an object of another type. A type that is missing was reported by decode.
func checkType(o object, problems *Problems) {
	if o.APIVersion != APIVersion && o.APIVersion != "" {
		problems.add("apiVersion", "must be %s and is %q", APIVersion, o.APIVersion)
	}
	if o.Kind != Kind && o.Kind != "" {
		problems.add("kind", "must be %s and is %q", Kind, o.Kind)
	}
}

func checkBytes(size int) error {
	if size > MaxTextBytes {
		return fmt.Errorf("the text has %d bytes, at most %d are allowed; join addresses into prefixes",
			size, MaxTextBytes)
	}
	return nil
}

// read takes text that begins with a brace for JSON, unless it is YAML that begins with one.
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
