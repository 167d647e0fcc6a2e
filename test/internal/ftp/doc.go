// Package ftp has vsftpd on a host of a test, and a client that sends each command when its caller wants. Programs
// announce a data connection and ask for a file at once, so that no failover can come between.
package ftp
