// Package encoding reads and writes the parts of which the keys and records of classes consist: numbers, addresses and
// texts. It knows no class.
package encoding
