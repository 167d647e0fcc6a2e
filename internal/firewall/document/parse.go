package document

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
)

// MaxBytes bounds a document, as read and in its canonical form. A ConfigMap holds no more.
const MaxBytes = 1 << 20

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
	if err := o.Spec.Validate(nil); err != nil {
		return Document{}, err
	}
	o.Spec.removeDuplicates()
	if err := checkBytes(len(o.Spec.JSON())); err != nil {
		return Document{}, fmt.Errorf("written in its canonical form: %w", err)
	}
	return o.Spec, nil
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
	if size > MaxBytes {
		return fmt.Errorf("the document has %d bytes, at most %d are allowed; join addresses into prefixes",
			size, MaxBytes)
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
