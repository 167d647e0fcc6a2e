// Package chaos keeps traffic running through a pair while something is done to it, and tells what became of the
// traffic and who forwarded it: a numbered stream, connections that count aloud, and probes that are aimed at both
// units all the while, with a tracer at the server who notes what comes from whom.
//
// What is done to the pair is the caller's business, as is what to make of the Report; cluster tests and benchmarks
// call it.
package chaos
