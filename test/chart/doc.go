// Package chart tests charts/hapair. The tests render the chart with helm, as users do, and decode every object
// strictly with the types of its API. Nothing imports the package.
package chart
