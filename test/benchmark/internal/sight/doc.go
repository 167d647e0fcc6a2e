// Package sight looks at the packets that pass an interface, and tells which router forwarded which: the proof that two
// never did so at once, and the measure of when one stopped and the other began.
//
// Routers are told apart by their MAC addresses: whoever forwards a packet puts its own in front of it.
package sight
