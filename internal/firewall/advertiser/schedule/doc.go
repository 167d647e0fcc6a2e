// Package schedule decides when a unit sends router advertisements (RFC 4861, section 6.2). It takes the networks of
// the document, whether their virtual addresses are present, solicitations and the passing of time. It is pure.
package schedule
