// Package classtest is what every class must do, as tests that a class runs on itself, and a naive class in memory: the
// test of the tests, and the class of tests that are not about any.
package classtest
