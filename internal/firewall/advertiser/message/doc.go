// Package message builds the frames of router advertisements and recognises those of router solicitations (RFC 4861,
// section 4). It is pure. The formats of the messages are those of mdlayher/ndp.
package message
