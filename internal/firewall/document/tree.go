package document

// tree is a document before it has types: what JSON and YAML have in common. Both are read into it, so that both are
// held to the same rules.
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

// maxDepth is more than a document needs, and keeps a hostile one from exhausting the stack.
const maxDepth = 16
