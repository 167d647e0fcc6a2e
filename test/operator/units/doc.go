// Package units plays the units of pairs, and the kubelets under them, for tests of the operator.
//
// There is no node and no container: a Player writes into an API server what kubelets and sidecars would write, as far
// as the operator reads it. Its units keep to the protocol between operator and units. Package operator and the
// benchmark of the operator call it. It does not check what the operator does.
package units
