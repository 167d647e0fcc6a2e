// Package operator tests the operator against a real API server, with all its controllers and with the rights that it
// is installed with.
//
// There are no nodes: package units plays the kubelets and the units. The harness is in the files without _test:
//
//   - A stage is a namespace with one pair.
//   - A life is one run of the manager, which can be killed at any of its writes.
//   - A judge fails a test if the operator puts traffic at risk.
//   - A ledger counts what the operator requests.
//   - A sequence makes random changes from a seed.
//
// The tests need the build tag apiserver and $KUBEBUILDER_ASSETS; `make test-apiserver` runs them.
package operator
