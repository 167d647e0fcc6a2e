// Package ftp is as much of the File Transfer Protocol (RFC 959) as a download in extended passive mode (RFC 2428)
// takes: a control connection on which the client logs in and asks, and a second connection, which the client opens to
// wherever the server says, for the file.
//
// It is for tests, which bring the connections: package endurance calls it.
package ftp
