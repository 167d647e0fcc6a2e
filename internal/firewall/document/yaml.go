package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readYAML reads nodes and not values, so that keys given twice are seen and nothing is expanded: an anchor that stands
// for ten, each of which stands for ten, stays what it is and is refused.
func readYAML(data []byte) (tree, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var root, more yaml.Node
	if err := decoder.Decode(&root); errors.Is(err, io.EOF) {
		return tree{}, errEmpty
	} else if err != nil {
		return tree{}, fmt.Errorf("not valid YAML: %w", err)
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return tree{}, errTrailing
	}
	return treeOfYAML(&root, 0)
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
