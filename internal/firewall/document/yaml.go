package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readYAML reads one YAML document. It reads nodes and not values, so that duplicate keys are seen and no alias is
// expanded: nested aliases could expand a small text to gigabytes.
func readYAML(data []byte) (tree, error) {
	nodes, err := readYAMLStream(data)
	switch {
	case err != nil:
		return tree{}, err
	case len(nodes) == 0:
		return tree{}, errEmpty
	case len(nodes) > 1:
		return tree{}, errTrailing
	}
	return treeOfYAML(&nodes[0], 0)
}

// maxObjects bounds a stream, since each document takes far more memory than its text.
const maxObjects = 1024

// readYAMLStream returns the root nodes of all documents in a YAML stream.
func readYAMLStream(data []byte) ([]yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var nodes []yaml.Node
	for len(nodes) < maxObjects {
		var node yaml.Node
		err := decoder.Decode(&node)
		switch {
		case errors.Is(err, io.EOF):
			return nodes, nil
		case err != nil && len(nodes) > 0:
			return nil, fmt.Errorf("not valid YAML after document %d: %w", len(nodes), err)
		case err != nil:
			return nil, fmt.Errorf("not valid YAML: %w", err)
		}
		nodes = append(nodes, node)
	}
	return nil, fmt.Errorf("there are more than %d documents; split the file", maxObjects)
}

// kindOf returns the field kind of a document's root; empty if it has none.
func kindOf(root *yaml.Node) string {
	if root.Kind == yaml.DocumentNode {
		root = root.Content[0]
	}
	if root.Kind != yaml.MappingNode {
		return ""
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == "kind" {
			return root.Content[i+1].Value
		}
	}
	return ""
}

func treeOfYAML(node *yaml.Node, depth int) (tree, error) {
	if depth > maxDepth {
		return tree{}, errDepth
	}
	if node.Anchor != "" {
		return tree{}, fmt.Errorf("line %d: anchors are not supported; write the value where it is used", node.Line)
	}
	switch node.Kind {
	case yaml.DocumentNode:
		return treeOfYAML(node.Content[0], depth)
	case yaml.MappingNode:
		return treeOfYAMLMapping(node, depth)
	case yaml.SequenceNode:
		return treeOfYAMLSequence(node, depth)
	case yaml.ScalarNode:
		return treeOfYAMLScalar(node)
	case yaml.AliasNode:
		return tree{}, fmt.Errorf("line %d: aliases are not supported; write the value where it is used", node.Line)
	default:
		return tree{}, errEmpty
	}
}

func treeOfYAMLMapping(node *yaml.Node, depth int) (tree, error) {
	object := tree{kind: kindObject}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str" {
			return tree{}, fmt.Errorf("line %d: the name of a field must be a plain string", key.Line)
		}
		value, err := treeOfYAML(node.Content[i+1], depth+1)
		if err != nil {
			return tree{}, err
		}
		object.fields = append(object.fields, field{name: key.Value, value: value})
	}
	return object, nil
}

func treeOfYAMLSequence(node *yaml.Node, depth int) (tree, error) {
	items := tree{kind: kindList}
	for _, content := range node.Content {
		value, err := treeOfYAML(content, depth+1)
		if err != nil {
			return tree{}, err
		}
		items.items = append(items.items, value)
	}
	return items, nil
}

func treeOfYAMLScalar(node *yaml.Node) (tree, error) {
	switch node.ShortTag() {
	case "!!str", "!!timestamp":
		return tree{kind: kindString, text: node.Value}, nil
	case "!!int", "!!float":
		return tree{kind: kindNumber, text: node.Value}, nil
	case "!!bool":
		return tree{kind: kindBool, text: strings.ToLower(node.Value)}, nil
	case "!!null":
		return tree{kind: kindNull}, nil
	default:
		return tree{}, fmt.Errorf("line %d: the tag %s is not supported; write a plain value", node.Line, node.Tag)
	}
}
