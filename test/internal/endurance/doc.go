// Package endurance keeps connections of every kind under way at once, so that one fault shows what becomes of each:
// downloads, FTP, datagrams, pings, and thousands of connections that say nothing until they are asked.
//
// One file is one kind of Traffic. Each checks what it carries to the last byte, and measures its longest silence from
// its own end. It knows nothing of pairs or of what is done to them: the caller takes its firewall away between Forget
// and Check.
package endurance
