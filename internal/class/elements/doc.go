// Package elements replicates the elements of nftables sets and maps whose names have given prefixes. Several classes
// of the catalogue are made of it. Programs and rules of the active add elements, each with a time after which the
// kernel removes it. The standby's kernel gets each with the time that is left, so that it ends on both units at once.
//
// The sets belong to the firewall, which makes them from its document. An element that arrives before its set waits.
// The class serves sets with a size of at most MaxPerSet; it ignores others, and sets of intervals.
//
// The kernel notifies of what programs change. It does not notify of elements that rules add, nor of the end of an
// element's time. So the source reads sets that rules fill every second, and nobody sends the end of a time.
package elements
