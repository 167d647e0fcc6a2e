// Package chart has the tests of charts/hapair: they render the chart with helm, as its users do, and hold every object
// to the types of the API that it is sent to. Nothing imports it.
package chart
