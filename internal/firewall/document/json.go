package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// readJSON reads tokens and not values, since a decoded object no longer shows duplicate keys.
func readJSON(data []byte) (tree, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	root, err := readJSONValue(decoder, 0)
	if err != nil {
		return tree{}, fmt.Errorf("not valid JSON: %w", err)
	}
	if decoder.More() {
		return tree{}, errTrailing
	}
	return root, nil
}

func readJSONValue(decoder *json.Decoder, depth int) (tree, error) {
	if depth > maxDepth {
		return tree{}, errDepth
	}
	token, err := decoder.Token()
	if err != nil {
		return tree{}, err
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return readJSONObject(decoder, depth)
		}
		return readJSONList(decoder, depth)
	case string:
		return tree{kind: kindString, text: token}, nil
	case json.Number:
		return tree{kind: kindNumber, text: token.String()}, nil
	case bool:
		return tree{kind: kindBool, text: fmt.Sprint(token)}, nil
	case nil:
		return tree{kind: kindNull}, nil
	default:
		return tree{}, errors.New("a token of an unknown kind")
	}
}

func readJSONObject(decoder *json.Decoder, depth int) (tree, error) {
	object := tree{kind: kindObject}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return tree{}, err
		}
		value, err := readJSONValue(decoder, depth+1)
		if err != nil {
			return tree{}, err
		}
		object.fields = append(object.fields, field{name: fmt.Sprint(name), value: value})
	}
	_, err := decoder.Token()
	return object, err
}

func readJSONList(decoder *json.Decoder, depth int) (tree, error) {
	items := tree{kind: kindList}
	for decoder.More() {
		value, err := readJSONValue(decoder, depth+1)
		if err != nil {
			return tree{}, err
		}
		items.items = append(items.items, value)
	}
	_, err := decoder.Token()
	return items, err
}
