// Package ftp implements the part of the File Transfer Protocol (RFC 959) that a download in extended passive mode
// needs (RFC 2428). The client logs in and sends requests on a control connection. For the file it opens a second
// connection, to the port that the server names.
//
// It is for tests and leaves opening connections to its caller, package endurance.
package ftp
