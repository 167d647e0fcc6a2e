package document

// tree is a document without types: what JSON and YAML have in common. Both are read into it, so that one decoder holds
// both to the same rules.
type tree struct {
	kind   kind
	text   string  // of a scalar, as it was written
	fields []field // of an object, in the order of the document
	items  []tree  // of a list
}

type field struct {
	name  string
	value tree
}

type kind string

const (
	kindObject kind = "an object"
	kindList   kind = "a list"
	kindString kind = "a string"
	kindNumber kind = "a number"
	kindBool   kind = "true or false"
	kindNull   kind = "null"
)

// maxDepth keeps a hostile document from exhausting the stack. No valid document is as deep.
const maxDepth = 16
